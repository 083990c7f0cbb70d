package tdd

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"path/filepath"
)

// source returns the text of a test function, formatted, without comments. Errors: ErrNoSuchTest.
func source(folder, test string) (string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		return "", err
	}
	set := token.NewFileSet()
	for _, name := range files {
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			continue // a red that does not parse yet
		}
		for _, decl := range file.Decls {
			if f, is := decl.(*ast.FuncDecl); is && f.Recv == nil && f.Name.Name == test {
				var text bytes.Buffer
				err := format.Node(&text, set, f)
				return text.String(), err
			}
		}
	}
	return "", fmt.Errorf("%s: %w", test, ErrNoSuchTest)
}
