// Command picture draws docs/architecture.svg from docs/architecture.picture.
package main

import (
	"fmt"
	"os"

	"github.com/micropay/micropay/testing/infra/picture"
)

func main() {
	text, err := os.ReadFile("docs/architecture.picture")
	if err == nil {
		var svg string
		if svg, err = picture.Draw(string(text)); err == nil {
			err = os.WriteFile("docs/architecture.svg", []byte(svg), 0o644) //nolint:gosec // a document, for everybody
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}
