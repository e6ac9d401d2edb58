# The commands of the README; everything else is plain cargo.
.PHONY: help run test test-all fuzz bench endurance dist types setup

help: ## Says what there is
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 16

run: ## Opens the app; without a display, holds a short call under one of its own and saves a picture of it
	@scripts/run

test: ## Everything that CI asks for
	@node scripts/test.mjs

test-all: ## The same and what takes hours: every kind of network, endurance, fuzzing, packages that install, every documented item
	@node scripts/test.mjs --all

fuzz: ## Rubbish from random peers and servers into everything that reads it, for FUZZ_SECONDS (60)
	@scripts/fuzz

bench: ## What ours costs and gives beside Chromium: tables and JSON; SECTION=call, channels, network, screen or sound for one part
	@scripts/setup test
	cargo build --release --workspace --bins
	target/release/bench $(SECTION)

endurance: ## Half an hour of a call of four that swaps devices and shares screens each minute (MINUTES): does anything grow?
	@scripts/setup test
	CONFAB_ENDURANCE_MINUTES=$(or $(MINUTES),30) cargo test --release --workspace --test end_to_end -- endurance:: --nocapture

dist: ## Installable packages: .deb and .rpm
	@scripts/dist

types: ## Writes ui/src/backend/types.ts and limits.ts from the Rust types
	UPDATE_TYPES=1 cargo test -p confab-ipc --test typescript

setup: ## Installs what building and testing need
	@scripts/setup test
