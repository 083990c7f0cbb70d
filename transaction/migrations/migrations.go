// Package migrations embeds the schema of the transaction service.
//
// Files are numbered and never edited once released. Read 00001 for the tables and who may
// touch them, 00006 for post_group, the one function through which money moves.
package migrations

import "embed"

// FS holds the goose migrations, in order.
//
//go:embed *.sql
var FS embed.FS
