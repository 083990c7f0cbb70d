// Package database is how the services speak to PostgreSQL: sessions that cannot hang (Open),
// transactions that end as they say (InTx), schemas that N replicas may migrate at once
// (Migrate), and a role per service that sees its own schema only (Provision).
//
// Driver errors are told apart by SQLSTATE and constraint name, never by their text:
// IsUnique and IsCheck for the rules that the schema guards, IsUnavailable for all that is a
// matter of trying again later.
package database
