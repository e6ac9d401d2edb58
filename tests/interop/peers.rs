//! A page and `confab-peer` in one call, in both orders.
