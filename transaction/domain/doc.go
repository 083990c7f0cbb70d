// Package domain holds the rules of money kept by the transaction service: wallets,
// transfers, reversals, top-ups and the postings they put into the ledger.
//
// Three promises hold for everything that can be built here: a posting moves one positive
// amount of one currency between two different wallets; a reversal never sends back more
// than was sent; a closed wallet stays closed. What only the ledger can know while it holds
// the wallets locked (is there enough money at this instant?) is decided by its posting
// function, in migrations/, under the same names.
//
// The package knows no SQL, no HTTP, no clock and no random numbers: identifiers and times
// come in as arguments. Start at Posting (posting.go).
package domain
