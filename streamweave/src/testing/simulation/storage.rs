//! A storage that loses what is not durable.

use std::io::{self, Write};

use super::world::{Outside, PartOfWorld};
use crate::checkpoint::{Object, Storage};

/// A storage in a [`World`](super::World): what is published is there after a crash, and nothing else is.
///
/// Every operation is a step of the world, writing and publishing included; publishing is two, with the effect between them. One that fails
/// leaves nothing, or all: that is drawn. Objects can be damaged by hand. Clones are handles to the same storage; a lock belongs to a handle.
#[derive(Debug)]
pub struct SimulatedStorage(PartOfWorld);

impl SimulatedStorage {
    pub(super) fn new(part: PartOfWorld) -> Self {
        SimulatedStorage(part)
    }

    /// The names of all objects.
    pub fn names(&self) -> Vec<String> {
        self.0.look().objects.keys().cloned().collect()
    }

    /// The bytes of an object, where there is one; without a step.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.0.look().objects.get(name).cloned()
    }

    /// Puts an object there, or other bytes in its place.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        self.0.look().objects.insert(name.to_owned(), bytes);
    }

    /// Loses an object.
    pub fn lose(&self, name: &str) {
        self.0.look().objects.remove(name);
    }

    /// Cuts an object to so many bytes.
    pub fn tear(&self, name: &str, bytes: usize) {
        if let Some(object) = self.0.look().objects.get_mut(name) {
            object.truncate(bytes);
        }
    }

    /// Flips a bit of an object.
    ///
    /// # Panics
    ///
    /// It is not that long.
    pub fn flip(&self, name: &str, bit: usize) {
        if let Some(object) = self.0.look().objects.get_mut(name) {
            object[bit / 8] ^= 1 << (bit % 8);
        }
    }

    /// Lets the next operations that write fail, so many of them.
    pub fn fail_next(&self, writes: u32) {
        self.0.look().failing = writes;
    }

    /// Is full from so many bytes on, counted over all objects; `None` for an endless one.
    pub fn limit(&self, bytes: Option<usize>) {
        self.0.look().space = bytes;
    }

    /// A step in which something is written.
    fn writing(&self) -> io::Result<std::sync::MutexGuard<'_, Outside>> {
        writing(&self.0)
    }
}

fn writing(part: &PartOfWorld) -> io::Result<std::sync::MutexGuard<'_, Outside>> {
    let mut outside = part.step()?;
    let is_told = outside.failing > 0;
    outside.failing = outside.failing.saturating_sub(1);
    if is_told || outside.storage_fails() {
        return Err(io::Error::other("simulated failure of the storage"));
    }
    Ok(outside)
}

impl Clone for SimulatedStorage {
    fn clone(&self) -> Self {
        SimulatedStorage(self.0.another())
    }
}

impl Drop for SimulatedStorage {
    fn drop(&mut self) {
        let mut outside = self.0.look();
        if outside.locked_by == Some(self.0.number) {
            outside.locked_by = None;
        }
    }
}

impl Storage for SimulatedStorage {
    fn lock(&mut self) -> io::Result<bool> {
        let mut outside = self.0.step()?;
        let is_free = outside.locked_by.is_none_or(|owner| owner == self.0.number);
        if is_free {
            outside.locked_by = Some(self.0.number);
        }
        Ok(is_free)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let outside = self.0.step()?;
        let names = outside.objects.keys().filter_map(|name| name.strip_prefix(folder)?.strip_prefix('/'));
        Ok(names.map(str::to_owned).collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut outside = self.0.step()?;
        if outside.storage_fails() {
            return Err(io::Error::other("simulated failure of the storage"));
        }
        outside.objects.get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn Object>> {
        drop(self.writing()?);
        Ok(Box::new(Draft { part: self.0.another(), name: name.to_owned(), bytes: Vec::new() }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.writing()?.objects.remove(name);
        Ok(())
    }
}

/// An object that is not published.
#[derive(Debug)]
struct Draft {
    part: PartOfWorld,
    name: String,
    bytes: Vec<u8>,
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let outside = writing(&self.part)?;
        let used: usize = outside.objects.values().map(Vec::len).sum();
        if outside.space.is_some_and(|space| used + self.bytes.len() + bytes.len() > space) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        drop(outside);
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Object for Draft {
    fn publish(self: Box<Self>) -> io::Result<()> {
        let Draft { part, name, bytes } = *self;
        let mut outside = part.step()?;
        let fails = outside.failing > 0 || outside.storage_fails();
        outside.failing = outside.failing.saturating_sub(1);
        // One that fails may be there all the same.
        if !fails || outside.draw(2) == 0 {
            outside.objects.insert(name, bytes);
        }
        drop(outside);
        drop(part.step()?);
        if fails { Err(io::Error::other("simulated failure of the storage")) } else { Ok(()) }
    }
}
