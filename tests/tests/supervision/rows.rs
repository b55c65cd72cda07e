//! Rows that a node cannot take: set aside, and written as letters (rules K6, K7).

use super::*;

#[node]
fn by_value(row: u64) -> u64 {
    assert!(row % 5 != 3, "a bad row");
    row
}

#[node]
fn by_reference(row: &u64) -> Option<u64> {
    assert!(row % 5 != 3, "a bad row");
    (row % 2 == 0).then_some(*row)
}

#[node]
fn many(row: u64) -> impl Iterator<Item = u64> {
    (0..3).map(move |item| {
        assert!(row % 5 != 3 || item < 2, "a bad row");
        row
    })
}

#[node]
fn many_by_reference(row: &u64) -> impl Iterator<Item = u64> {
    let row = *row;
    many::call(row)
}

#[node]
fn fallible(row: &u64) -> Result<u64, String> {
    assert!(row % 5 != 3, "a bad row");
    if row % 2 == 0 { Ok(*row) } else { Err("odd".to_owned()) }
}

/// A row that is set aside, as text.
fn aside<I: std::fmt::Debug>(of: &Of<Failed<I, Panic>>) -> String {
    format!("{} {} {:?}", of.node, of.row.error, of.row.input)
}

#[test]
fn k6_a_row_at_which_a_node_panics_is_set_aside_and_the_stream_goes_on() {
    use streamweave::sink::on_error::Verdict::Skip;
    for batch in [1, 4, 64] {
        let aside_by: [Seen<String>; 6] = Default::default();
        let [a, b, c, d, e, f] = aside_by.clone();
        let result = block_on(
            graph! {
                rows = from_iter(0..20_u64);
                rows -> [values, references, several, several_by_reference, tried, kept];
                #[on_panic(custom(|of| { note(&a, aside(of)); Skip }))]
                values = by_value();
                #[on_panic(custom(|of| { note(&b, aside(of)); Skip }))]
                references = by_reference();
                #[on_panic(custom(|of| { note(&c, aside(of)); Skip }))]
                several = many();
                #[on_panic(custom(|of| { note(&d, aside(of)); Skip }))]
                several_by_reference = many_by_reference();
                #[on_panic(custom(|of| { note(&e, aside(of)); Skip }))]
                tried = fallible();
                #[on_panic(custom(|of| { note(&f, aside(of)); Skip }))]
                kept = filter(|row: &u64| by_value::call(*row) > 0);
                // The frontier goes on past the row.
                values -> event_time(|row| EventTime::from_micros(row.cast_signed()), ascending()) -> key_by(|_| ()) -> counted;
                counted = tumbling(5.micros()).aggregate(Count::new);
                counted.late -> discard;
                counted -> map(|pane| pane.value.value) -> panes;
                references -> evens;
                several -> threefold;
                several_by_reference -> threefold_by_reference;
                tried -> good;
                tried.err -> map(|failed| failed.input) -> odd;
                kept -> positive;
                panes = collect();
                evens = collect();
                threefold = collect();
                threefold_by_reference = collect();
                good = collect();
                odd = collect();
                positive = collect();
            }
            .batch(batch)
            .run(),
        )
        .expect("nothing stops it");
        result.assert_conserved();
        let fine = (0..20_u64).filter(|row| row % 5 != 3);
        assert_eq!(result.panes, [4, 4, 4, 4]);
        assert_eq!(result.evens, Vec::from_iter(fine.clone().filter(|row| row % 2 == 0)));
        assert_eq!(result.good, result.evens);
        assert_eq!(result.odd, Vec::from_iter(fine.clone().filter(|row| row % 2 == 1)));
        assert_eq!(result.positive, Vec::from_iter(fine.clone().skip(1)));
        // Of a row that is set aside nothing is sent.
        let threefold = Vec::from_iter(fine.flat_map(|row| [row; 3]));
        assert_eq!((&result.threefold, &result.threefold_by_reference), (&threefold, &threefold));
        let names = ["values", "references", "several", "several_by_reference", "tried", "kept"];
        for (node, aside) in names.into_iter().zip(aside_by) {
            let input = |row: u64| {
                if matches!(node, "values" | "several") { "()".to_owned() } else { row.to_string() }
            };
            let expected =
                [3, 8, 13, 18].map(|row| format!("{node} panicked at row {row}: a bad row {}", input(row)));
            assert_eq!(taken(&aside), expected);
        }
        assert_eq!(result.report().node("tried.on_panic").expect("it is there").absorbed, 4);
    }
}

#[test]
fn k6_only_the_panics_of_the_node_itself_are_set_aside() {
    let outcome = block_on(
        graph! {
            rows = from_iter(0..20_u64);
            #[on_panic(skip)]
            guarded = map(|row: u64| row);
            behind = by_value();
            rows -> guarded -> behind -> discard;
        }
        .run(),
    );
    let Err(Error::Panicked(report)) = outcome else { panic!("expected a panic, found {outcome:?}") };
    assert_eq!(report.node, "behind");
    let outcome = block_on(
        graph! {
            rows = from_iter(0..20_u64);
            #[on_panic(stop)]
            guarded = fallible();
            rows -> guarded -> discard;
            guarded.err -> discard;
        }
        .run(),
    );
    let error = outcome.expect_err("it stops").to_string();
    assert_eq!(error, "node `guarded`: panicked at row 3: a bad row; its input was 3");
}

/// The letters of a file.
fn letters(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a letter is JSON")).collect()
}

#[derive(Clone, Debug, serde::Deserialize)]
struct Numbered {
    number: u64,
}

#[test]
fn k6_a_dead_letter_has_what_came_the_node_the_place_the_causes_and_the_attempts() {
    let directory = Temporary::named("k6-letters");
    let (malformed, failed) = (directory.at("malformed"), directory.at("failed"));
    let raw =
        ["{\"number\":1}", "{\"number\":\u{e9}}", "{\"number\":3}", "{\"number\":-4}", "{\"number\":5}"];
    std::fs::write(directory.at("in"), raw.join("\n")).expect("it can be written");
    let graph = graph! {
        #[on_error(dead_letter(&malformed))]
        rows = jsonl::read::<Numbered>(directory.at("in"));
        #[on_error(dead_letter(&failed))]
        called = async_try_map(|row: Numbered| async move {
            if row.number == 3 { "three".parse::<u64>() } else { Ok(row.number) }
        }).retry(Retry::times(2));
        rows -> called -> good;
        good = collect();
    };
    let result = testing::run(graph, ManualClock::new(), 1).expect("nothing stops it");
    result.assert_conserved();
    assert_eq!(result.good, [1, 5]);
    let letters_of = |name: &str| letters(&directory.text(name));
    let refused = letters_of("malformed");
    assert_eq!(refused.len(), 2);
    for (letter, line) in refused.iter().zip([2, 4]) {
        assert_eq!(letter["node"], "rows");
        assert_eq!(
            (&letter["record"]["line"], &letter["record"]["raw"]),
            (&line.into(), &raw[line - 1].into())
        );
    }
    let [letter] = &letters_of("failed")[..] else { panic!("one row failed") };
    assert_eq!(letter["error"], "the call failed (3 attempts)");
    assert_eq!(letter["causes"][0], "invalid digit found in string");

    let dead = directory.at("panicked");
    let run = |rows: Vec<u64>| {
        block_on(
            graph! {
                rows = from_iter(rows);
                #[on_panic(dead_letter(&dead))]
                values = by_reference();
                rows -> values -> discard;
            }
            .run(),
        )
        .expect("nothing stops it");
    };
    run(vec![1, 2, 3, 4, 8]);
    let panicked = letters_of("panicked");
    assert_eq!(panicked.len(), 2);
    assert_eq!((&panicked[0]["node"], &panicked[0]["row"]), (&"values".into(), &2.into()));
    assert!(panicked[0]["at"].as_str().expect("a place").contains("rows.rs"));
    // What is in the letters can be given again.
    run(panicked.iter().map(|letter| letter["input"].as_u64().expect("the input")).collect());
    assert_eq!(letters_of("panicked")[2]["input"], 3);
}

#[test]
fn k6_letters_that_cannot_be_written_fail_the_graph_and_none_is_dropped() {
    let directory = Temporary::named("k6-no-letters");
    let path = directory.at("not/there");
    let (at, out) = (path.clone(), directory.at("out"));
    let state = directory.at("state");
    let child = Child::new("child", move || {
        graph! {
            #![durable = exactly_once]
            rows = from_iter(0..20_u64);
            #[on_panic(dead_letter(at.clone()))]
            values = by_reference();
            rows -> values -> text;
            text = lines::write(out.clone());
        }
        .batch(2)
        .clock(Ticking::default())
        .checkpoints(Checkpoints::in_directory(&state).every(2.millis()).in_place())
    });
    let mut repaired = false;
    let folder = directory.at("not");
    let mut supervisor = Supervisor::new("root")
        .clock(Ticking::default())
        .on_failure(move |failure| {
            assert_eq!((failure.kind, failure.node.as_deref()), (FailureKind::Sink, Some("values.on_panic")));
            if std::mem::replace(&mut repaired, true) {
                std::fs::create_dir_all(&folder).expect("a directory");
            }
            failure.directive
        })
        .child(child);
    let mut failures = supervisor.failures();
    block_on(supervisor.run()).expect("at last it can be written");
    assert_eq!(all(&mut failures).len(), 2);
    let rows: Vec<_> =
        letters(&directory.text("not/there")).iter().map(|letter| letter["row"].clone()).collect();
    assert_eq!(rows, [3, 8, 13, 18]);
}

#[node]
fn rarely(row: &u64) -> u64 {
    assert!(row % 40 != 3, "a bad row");
    *row
}

/// Copies what a crash would leave whenever something is published.
#[derive(Debug)]
struct Crashes {
    storage: LocalDirectory,
    root: PathBuf,
    count: Arc<AtomicU32>,
}

#[derive(Debug)]
struct Crashing {
    object: Box<dyn Object>,
    root: PathBuf,
    count: Arc<AtomicU32>,
}

impl std::io::Write for Crashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.object.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.object.flush()
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("it can be copied");
        }
    }
}

impl Object for Crashing {
    fn publish(self: Box<Self>) -> std::io::Result<()> {
        self.object.publish()?;
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        copy(&self.root.join("run"), &self.root.join(format!("crash-{number}")));
        Ok(())
    }
}

impl Storage for Crashes {
    fn lock(&mut self) -> std::io::Result<bool> {
        self.storage.lock()
    }

    fn list(&self, folder: &str) -> std::io::Result<Vec<String>> {
        self.storage.list(folder)
    }

    fn read(&self, name: &str) -> std::io::Result<Vec<u8>> {
        self.storage.read(name)
    }

    fn create(&self, name: &str) -> std::io::Result<Box<dyn Object>> {
        let object = self.storage.create(name)?;
        Ok(Box::new(Crashing { object, root: self.root.clone(), count: Arc::clone(&self.count) }))
    }

    fn remove(&self, name: &str) -> std::io::Result<()> {
        self.storage.remove(name)
    }
}

#[test]
fn k7_a_dead_letter_is_durable_before_the_checkpoint_that_leaves_its_row_behind() {
    let directory = Temporary::named("k7");
    let run = |root: PathBuf, storage: Box<dyn FnOnce(LocalDirectory) -> Checkpoints>| {
        let checkpoints = storage(LocalDirectory::new(root.join("state")));
        let graph = graph! {
            #![durable = exactly_once]
            rows = from_iter(0..800_u64);
            #[on_panic(dead_letter(root.join("letters")))]
            values = rarely();
            rows -> values -> text;
            text = lines::write(root.join("out"));
        };
        let graph =
            graph.batch(3).clock(Ticking::default()).checkpoints(checkpoints.every(2.millis()).in_place());
        block_on(graph.run()).expect("nothing stops it");
        let read = |name: &str| std::fs::read_to_string(root.join(name)).expect("it was written");
        (read("letters"), read("out"))
    };
    std::fs::create_dir_all(directory.at("run")).expect("a directory");
    let (count, root) = (Arc::new(AtomicU32::new(0)), directory.0.clone());
    let counted = Arc::clone(&count);
    let whole = run(
        directory.at("run"),
        Box::new(move |storage| {
            Checkpoints::in_storage(Crashes { storage, root, count: counted }, "crashes")
        }),
    );
    let rows: Vec<_> = letters(&whole.0).iter().map(|letter| letter["row"].as_u64()).collect();
    assert_eq!(rows, Vec::from_iter((0..20).map(|letter| Some(letter * 40 + 3))));
    let crashes = count.load(Ordering::Relaxed);
    assert!(crashes > 3, "two checkpoints at least, {crashes} objects");
    // The first object belongs to a checkpoint that is not there yet: letters are appended to what is found then.
    for crash in (1..crashes).step_by((crashes / 10).max(1) as usize) {
        let again = run(
            directory.at(&format!("crash-{crash}")),
            Box::new(|storage| Checkpoints::in_storage(storage, "again")),
        );
        assert!(again == whole, "after crash {crash} of {crashes}: {} letters", again.0.lines().count());
    }
}

/// What happened, in its order.
type Events = Seen<&'static str>;

/// A policy that notes what it is asked for, and whose letters are durable the second time it is asked.
struct Noting {
    events: Events,
    is_synced: bool,
}

impl<D> Policy<D> for Noting {
    fn reject(&mut self, _of: Of<D>) {
        note(&self.events, "letter");
    }
}

impl Bring for Noting {
    fn cut(&mut self) {
        note(&self.events, "cut");
        self.is_synced = false;
    }

    fn poll_pre_commit(&mut self, turn: &mut Turn<'_, '_>) -> Poll<Result<(), Cause>> {
        if !std::mem::replace(&mut self.is_synced, true) {
            turn.context().waker().wake_by_ref();
            return Poll::Pending;
        }
        note(&self.events, "durable");
        Poll::Ready(Ok(()))
    }
}

/// Notes what is published.
#[derive(Debug)]
struct Published {
    storage: LocalDirectory,
    events: Events,
}

#[derive(Debug)]
struct Publishing(Box<dyn Object>, Events);

impl std::io::Write for Publishing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl Object for Publishing {
    fn publish(self: Box<Self>) -> std::io::Result<()> {
        note(&self.1, "published");
        self.0.publish()
    }
}

impl Storage for Published {
    fn lock(&mut self) -> std::io::Result<bool> {
        self.storage.lock()
    }

    fn list(&self, folder: &str) -> std::io::Result<Vec<String>> {
        self.storage.list(folder)
    }

    fn read(&self, name: &str) -> std::io::Result<Vec<u8>> {
        self.storage.read(name)
    }

    fn create(&self, name: &str) -> std::io::Result<Box<dyn Object>> {
        Ok(Box::new(Publishing(self.storage.create(name)?, Arc::clone(&self.events))))
    }

    fn remove(&self, name: &str) -> std::io::Result<()> {
        self.storage.remove(name)
    }
}

#[test]
fn k7_a_checkpoint_is_published_once_the_letters_before_it_are_durable_and_not_before() {
    let (directory, events) = (Temporary::named("k7-order"), seen());
    let storage =
        Published { storage: LocalDirectory::new(directory.at("state")), events: Arc::clone(&events) };
    let noting = Noting { events: Arc::clone(&events), is_synced: false };
    let graph = graph! {
        #![durable = exactly_once]
        rows = from_iter(0..200_u64);
        #[on_panic(noting)]
        values = by_reference();
        rows -> values -> last;
        last = last();
    };
    let checkpoints = Checkpoints::in_storage(storage, "noting").every(2.millis()).in_place();
    block_on(graph.batch(5).clock(Ticking::default()).checkpoints(checkpoints).run())
        .expect("nothing stops it");
    let events = taken(&events);
    assert_eq!(events.iter().filter(|event| **event == "letter").count(), 40);
    let protocol: Vec<_> = events.into_iter().filter(|event| *event != "letter").collect();
    assert!(protocol.len() > 3 * 4, "several checkpoints: {protocol:?}");
    assert_eq!(protocol[0], "cut");
    for step in protocol.windows(2) {
        assert_eq!(step[0] == "cut", step[1] == "durable", "{protocol:?}");
    }
}
