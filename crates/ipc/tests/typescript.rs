//! The generated TypeScript is fresh. `UPDATE_TYPES=1` (or `make types`) writes it.

use confab_ipc::typescript;

#[test]
fn the_user_interfaces_types_and_limits_are_fresh() {
    for (name, fresh) in [("types.ts", typescript::declarations()), ("limits.ts", typescript::limits())] {
        let path = format!("{}/../../ui/src/backend/{name}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("UPDATE_TYPES").is_some() {
            std::fs::write(&path, &fresh).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == fresh, "ui/src/backend/{name} is stale: run `make types` and commit the result");
    }
}
