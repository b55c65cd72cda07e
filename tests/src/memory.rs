//! Checkpoints in memory, for graphs that are stopped and started again in one process.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use streamweave::checkpoint::{Object, Storage};

/// Objects in memory; all clones hold the same.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

#[derive(Debug)]
struct Begun(Memory, String, Vec<u8>);

impl Storage for Memory {
    fn lock(&mut self) -> io::Result<bool> {
        Ok(true)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let objects = self.0.lock().expect("no test panics with it");
        let folder = format!("{folder}/");
        Ok(objects.keys().filter_map(|name| name.strip_prefix(&folder)).map(str::to_owned).collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let objects = self.0.lock().expect("no test panics with it");
        objects.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Object>> {
        Ok(Box::new(Begun(self.clone(), name.to_owned(), Vec::new())))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.lock().expect("no test panics with it").remove(name);
        Ok(())
    }
}

impl io::Write for Begun {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.2.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Object for Begun {
    fn publish(self: Box<Self>) -> io::Result<()> {
        let Begun(memory, name, bytes) = *self;
        memory.0.lock().expect("no test panics with it").insert(name, bytes);
        Ok(())
    }
}
