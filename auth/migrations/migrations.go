// Package migrations embeds the schema of the auth service.
//
// Files are numbered and never edited once released. 00001 holds who people are and the feed of
// dead tokens, 00002 what the local identity provider keeps of them.
package migrations

import "embed"

// FS holds the goose migrations, in order.
//
//go:embed *.sql
var FS embed.FS
