// Command cost writes docs/cost.md.
package main

import (
	"fmt"
	"os"

	"github.com/micropay/micropay/testing/infra/cost"
)

func main() {
	e, err := cost.Compute(".")
	if err == nil {
		err = os.WriteFile("docs/cost.md", []byte(e.Document()), 0o644) //nolint:gosec // a document, for everybody
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
	for _, l := range e.Loads {
		fmt.Printf("%-10s %12.2f USD a month\n", l.Name, e.Total(l.Name))
	}
}
