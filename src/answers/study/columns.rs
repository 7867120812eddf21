//! A table as a Parquet file: a typed column for each column, nothing compressed, so that the same table gives the same bytes.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};

use crate::answers::{Cell, Table};

/// What all cells of a column can be.
fn physical(table: &Table, at: usize) -> Physical {
    let all = |is: fn(&Cell) -> bool| table.rows.iter().all(|row| is(&row[at]) || row[at] == Cell::Nothing);
    if all(|cell| matches!(cell, Cell::Count(_))) {
        Physical::INT64
    } else if all(|cell| matches!(cell, Cell::Number(..) | Cell::Count(_))) {
        Physical::DOUBLE
    } else if all(|cell| matches!(cell, Cell::Flag(_))) {
        Physical::BOOLEAN
    } else {
        Physical::BYTE_ARRAY
    }
}

/// The bytes of the file.
///
/// # Errors
/// If it cannot be made, which would be a mistake of this crate.
pub fn parquet(table: &Table) -> Result<Vec<u8>, ParquetError> {
    let kinds: Vec<Physical> = (0..table.columns.len()).map(|at| physical(table, at)).collect();
    let field = |(column, kind): (&crate::answers::Column, &Physical)| -> Result<TypePtr, ParquetError> {
        let logical = (*kind == Physical::BYTE_ARRAY).then_some(LogicalType::String);
        let field = Type::primitive_type_builder(&column.key, *kind)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical);
        Ok(Arc::new(field.build()?))
    };
    let fields = table.columns.iter().zip(&kinds).map(field).collect::<Result<Vec<_>, _>>()?;
    let schema = Arc::new(Type::group_type_builder(table.name).with_fields(fields).build()?);
    let properties =
        WriterProperties::builder().set_created_by(concat!("podsim ", env!("CARGO_PKG_VERSION")).to_owned());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build()))?;
    let mut group = file.next_row_group()?;
    let mut at = 0;
    while let Some(mut column) = group.next_column()? {
        write(&mut column, table, at, kinds[at])?;
        column.close()?;
        at += 1;
    }
    group.close()?;
    file.into_inner()
}

#[allow(clippy::cast_precision_loss, reason = "a count among numbers")]
fn write(
    column: &mut SerializedColumnWriter<'_>,
    table: &Table,
    at: usize,
    kind: Physical,
) -> Result<(), ParquetError> {
    let cells = || table.rows.iter().map(|row| &row[at]);
    let levels: Vec<i16> = cells().map(|cell| i16::from(*cell != Cell::Nothing)).collect();
    let levels = Some(&levels[..]);
    match kind {
        Physical::INT64 => {
            let values: Vec<i64> =
                cells().filter_map(|cell| if let Cell::Count(count) = cell { Some(*count) } else { None }).collect();
            column.typed::<Int64Type>().write_batch(&values, levels, None)?;
        }
        Physical::DOUBLE => {
            let number = |cell: &Cell| match cell {
                Cell::Number(number, _) => Some(*number),
                Cell::Count(count) => Some(*count as f64),
                _ => None,
            };
            let values: Vec<f64> = cells().filter_map(number).collect();
            column.typed::<DoubleType>().write_batch(&values, levels, None)?;
        }
        Physical::BOOLEAN => {
            let values: Vec<bool> =
                cells().filter_map(|cell| if let Cell::Flag(flag) = cell { Some(*flag) } else { None }).collect();
            column.typed::<BoolType>().write_batch(&values, levels, None)?;
        }
        _ => {
            let texts = cells().filter(|cell| **cell != Cell::Nothing).map(Cell::written);
            let values: Vec<ByteArray> = texts.map(|text| ByteArray::from(text.into_bytes())).collect();
            column.typed::<ByteArrayType>().write_batch(&values, levels, None)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    #[test]
    fn what_is_written_is_read_again() {
        let mut table = Table::new("runs", "", &[("node_pool.0.count", ""), ("wait_seconds", ""), ("arm", "")]);
        table.row(vec![Cell::Count(3), Cell::Number(0.1, 1), "a".into()]);
        table.row(vec![Cell::Count(-4), Cell::Nothing, "größer".into()]);
        let bytes = parquet(&table).expect("a file");
        assert_eq!(bytes, parquet(&table).expect("a file"));
        let path = std::env::temp_dir().join(format!("podsim-{}.parquet", std::process::id()));
        std::fs::write(&path, bytes).expect("a file");
        let file = SerializedFileReader::new(std::fs::File::open(&path).expect("a file")).expect("a Parquet file");
        std::fs::remove_file(&path).expect("a file");
        let rows: Vec<_> = file.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].get_long(0).ok(), rows[1].get_long(0).ok()), (Some(3), Some(-4)));
        assert_eq!(rows[0].get_double(1).ok(), Some(0.1));
        assert!(rows[1].get_double(1).is_err(), "nothing is nothing");
        assert_eq!(rows[1].get_string(2).ok().map(String::as_str), Some("größer"));
        let schema = file.metadata().file_metadata().schema_descr();
        assert_eq!(schema.column(0).name(), "node_pool.0.count");
    }
}
