package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/micropay/micropay/testing/tdd"
)

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("tdd-verify", flag.ContinueOnError)
	repo := flags.String("C", ".", "root of the repository")
	check := flags.Bool("check", false, "fail when the table is not current, instead of writing it")
	fresh := flags.Bool("fresh", false, "prove everything anew, also what was proven before")
	if err := flags.Parse(args); err != nil {
		return err
	}
	withdrawn, err := readWithdrawn(filepath.Join(*repo, "testing", "tdd", "withdrawn.txt"))
	if err != nil {
		return err
	}
	claims, err := tdd.History(ctx, *repo, withdrawn)
	if err != nil {
		return err
	}
	v := tdd.Verifier{Repo: *repo, Parallel: runtime.NumCPU(), Report: func(done, all int, c tdd.Claim, err error) {
		verdict := "holds"
		if err != nil {
			verdict = "DOES NOT HOLD"
		}
		_, _ = fmt.Fprintf(out, "%3d/%d %s: %s\n", done, all, c, verdict)
	}}
	if cache, err := os.UserCacheDir(); err == nil && !*fresh {
		v.Cache = filepath.Join(cache, "micropay-tdd")
	}
	if err := v.Verify(ctx, claims); err != nil {
		return err
	}
	return document(filepath.Join(*repo, "docs", "tdd.md"), tdd.Table(claims, withdrawn), *check)
}

func readWithdrawn(path string) (tdd.Withdrawn, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return tdd.Withdrawn{}, nil
	}
	if err != nil {
		return nil, err
	}
	return tdd.ParseWithdrawn(string(text))
}

func document(path, table string, check bool) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	current, err := tdd.Insert(string(old), table)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	case current == string(old):
		return nil
	case check:
		return errors.New(path + " is not current; run make tdd-verify and commit it")
	}
	return os.WriteFile(path, []byte(current), 0o600)
}
