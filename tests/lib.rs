//! End-to-end tests of Confab; see the test files beside this one.
