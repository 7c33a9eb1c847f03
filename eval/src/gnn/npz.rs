//! Arrays of `NumPy`'s `.npz` files.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use astern_gnn::ndarray::{Array, Array1, Array2, Dimension};
use ndarray_npy::{NpzReader, ReadNpzError, ReadableElement};

/// Most entries of an array that is stored sparse and made dense: 2 GB.
const MAX_DENSE: usize = 1 << 28;

/// A file or an array in it cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NpzError {
    /// The file cannot be opened.
    #[error("cannot open {path}: {cause}")]
    Open {
        /// Where it should be.
        path: PathBuf,
        /// The system's reason.
        cause: std::io::Error,
    },
    /// The file is no archive, or the array is absent or of another type or number of axes.
    #[error("{path}: cannot read {what}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The array, or the archive.
        what: String,
        /// What the reader says.
        cause: ReadNpzError,
    },
    /// The parts of a sparse array do not fit together.
    #[error("{path}: sparse array `{name}`: {problem}")]
    Sparse {
        /// The file.
        path: PathBuf,
        /// What the names of its parts begin with.
        name: String,
        /// What is wrong.
        problem: String,
    },
}

/// An open `.npz` file.
pub struct Npz {
    path: PathBuf,
    reader: NpzReader<File>,
}

impl fmt::Debug for Npz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Npz")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Npz {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// [`NpzError::Open`], and [`NpzError::Read`] for a file that is no archive.
    pub fn open(path: &Path) -> Result<Self, NpzError> {
        let path = path.to_path_buf();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(cause) => return Err(NpzError::Open { path, cause }),
        };
        match NpzReader::new(file) {
            Ok(reader) => Ok(Self { path, reader }),
            Err(cause) => Err(NpzError::Read {
                path,
                what: "the archive".into(),
                cause,
            }),
        }
    }

    /// The array `name`; its numbers must be of type `T`, none is converted.
    ///
    /// # Errors
    ///
    /// [`NpzError::Read`].
    pub fn array<T: ReadableElement, D: Dimension>(
        &mut self,
        name: &str,
    ) -> Result<Array<T, D>, NpzError> {
        self.reader.by_name(name).map_err(|cause| NpzError::Read {
            path: self.path.clone(),
            what: format!("array `{name}`"),
            cause,
        })
    }

    /// A matrix that is stored as `{name}_row`, `{name}_col`, `{name}_val` and `{name}_shape`
    /// (`i32`, `i32`, `f32`, `i64`), made dense. Of two values for one entry the last counts.
    ///
    /// # Errors
    ///
    /// [`NpzError::Read`] and [`NpzError::Sparse`].
    pub fn sparse(&mut self, name: &str) -> Result<Array2<f64>, NpzError> {
        let rows: Array1<i32> = self.array(&format!("{name}_row"))?;
        let columns: Array1<i32> = self.array(&format!("{name}_col"))?;
        let values: Array1<f32> = self.array(&format!("{name}_val"))?;
        let shape: Array1<i64> = self.array(&format!("{name}_shape"))?;
        let wrong = |problem: String| NpzError::Sparse {
            path: self.path.clone(),
            name: name.to_owned(),
            problem,
        };
        let (n_rows, n_columns) =
            dense_shape(&shape).ok_or_else(|| wrong(format!("shape {shape}")))?;
        if rows.len() != columns.len() || rows.len() != values.len() {
            let lengths = [rows.len(), columns.len(), values.len()];
            return Err(wrong(format!("parts of {lengths:?} entries")));
        }
        let mut dense = Array2::zeros((n_rows, n_columns));
        for ((&row, &column), &value) in rows.iter().zip(&columns).zip(&values) {
            let at = usize::try_from(row).ok().zip(usize::try_from(column).ok());
            match at.and_then(|at| dense.get_mut(at)) {
                Some(entry) => *entry = f64::from(value),
                None => return Err(wrong(format!("entry ({row}, {column}) of {shape}"))),
            }
        }
        Ok(dense)
    }
}

/// Two axes with [`MAX_DENSE`] entries at most.
fn dense_shape(shape: &Array1<i64>) -> Option<(usize, usize)> {
    let [rows, columns] = shape.to_vec()[..] else {
        return None;
    };
    let (rows, columns) = (usize::try_from(rows).ok()?, usize::try_from(columns).ok()?);
    (rows.checked_mul(columns)? <= MAX_DENSE).then_some((rows, columns))
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use astern_gnn::ndarray::{Ix2, array};
    use ndarray_npy::NpzWriter;

    use super::*;

    /// A file of a sparse matrix [[0, 2], [3, 0]] whose `entry` may be moved.
    fn file(name: &str, entry: i32, shape: &Array1<i64>) -> Result<PathBuf, Box<dyn Error>> {
        let path = std::env::temp_dir().join(format!("astern-{}-{name}.npz", std::process::id()));
        let mut npz = NpzWriter::new_compressed(File::create(&path)?);
        npz.add_array("x_row", &array![0i32, entry])?;
        npz.add_array("x_col", &array![1i32, 0])?;
        npz.add_array("x_val", &array![2f32, 3.0])?;
        npz.add_array("x_shape", shape)?;
        npz.finish()?;
        Ok(path)
    }

    #[test]
    fn a_sparse_matrix_is_read() -> Result<(), Box<dyn Error>> {
        let path = file("good", 1, &array![2, 2])?;
        let mut npz = Npz::open(&path)?;
        assert_eq!(npz.sparse("x")?, array![[0.0, 2.0], [3.0, 0.0]]);
        for (what, error) in [
            ("absent", npz.array::<i32, Ix2>("y").unwrap_err()),
            ("axes", npz.array::<i32, Ix2>("x_row").unwrap_err()),
            ("type", npz.sparse("x_").unwrap_err()),
        ] {
            assert!(matches!(error, NpzError::Read { .. }), "{what}: {error}");
        }
        Ok(std::fs::remove_file(path)?)
    }

    #[test]
    fn what_does_not_fit_is_refused() -> Result<(), Box<dyn Error>> {
        for (name, entry, shape) in [
            ("beyond", 2, array![2, 2]),
            ("negative", -1, array![2, 2]),
            ("axes", 1, array![2, 2, 1]),
            ("huge", 1, array![1 << 40, 1 << 40]),
        ] {
            let path = file(name, entry, &shape)?;
            let error = Npz::open(&path)?.sparse("x").unwrap_err();
            assert!(matches!(error, NpzError::Sparse { .. }), "{name}: {error}");
            std::fs::remove_file(path)?;
        }
        let missing = Npz::open(Path::new("no-such.npz")).unwrap_err();
        assert!(matches!(missing, NpzError::Open { .. }));
        Ok(())
    }
}
