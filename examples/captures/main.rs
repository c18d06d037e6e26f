//! Writes the sample captures and their manifest: `captures [FOLDER]`.

mod catalog;

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from("captures"), PathBuf::from);
    fs::create_dir_all(&folder)?;
    for (name, bytes) in catalog::files() {
        let path = folder.join(name);
        fs::write(&path, &bytes)?;
        println!("{} ({} bytes)", path.display(), bytes.len());
    }
    Ok(())
}
