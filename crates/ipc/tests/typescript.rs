//! The generated TypeScript types are fresh. `UPDATE_TYPES=1` (or `make types`) writes them.

#[test]
fn the_user_interfaces_types_are_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/src/backend/types.ts");
    let fresh = confab_ipc::typescript::declarations();
    if std::env::var_os("UPDATE_TYPES").is_some() {
        std::fs::create_dir_all(std::path::Path::new(path).parent().unwrap()).unwrap();
        std::fs::write(path, &fresh).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == fresh, "ui/src/backend/types.ts is stale: run `make types` and commit the result");
}
