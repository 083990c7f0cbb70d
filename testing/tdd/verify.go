package tdd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Verifier replays claims in throw-away worktrees.
type Verifier struct {
	Repo     string
	Cache    string // folder of what was proven before; empty: prove everything anew
	Parallel int
	Report   func(done, all int, c Claim, err error) // called after each claim, one at a time
}

// Verify proves all claims and returns an error that names each one that does not hold.
func (v Verifier) Verify(ctx context.Context, claims []Claim) error {
	work := make(chan Claim)
	go func() {
		defer close(work)
		for _, c := range claims {
			work <- c
		}
	}()
	var mu sync.Mutex
	var faults []error
	done := 0
	finish := func(c Claim, err error) {
		mu.Lock()
		defer mu.Unlock()
		done++
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", c, err))
		}
		v.Report(done, len(claims), c, err)
	}
	var workers sync.WaitGroup
	for range v.Parallel {
		workers.Go(func() { v.replay(ctx, work, finish) })
	}
	workers.Wait()
	return errors.Join(faults...)
}

// replay proves claims in one worktree, made when the first is not known from before.
func (v Verifier) replay(ctx context.Context, work <-chan Claim, finish func(Claim, error)) {
	tree := ""
	defer func() {
		if tree != "" {
			oneAtATime.Lock()
			defer oneAtATime.Unlock()
			_, _ = git(context.WithoutCancel(ctx), v.Repo, "worktree", "remove", "--force", tree)
		}
	}()
	for c := range work {
		key, err := v.key(ctx, c)
		if err == nil && v.known(key) {
			finish(c, nil)
			continue
		}
		if err == nil && tree == "" {
			tree, err = v.worktree(ctx)
		}
		if err == nil {
			err = prove(ctx, tree, c)
		}
		if err == nil {
			err = v.remember(key)
		}
		finish(c, err)
	}
}

// oneAtATime guards the list of worktrees: git reads the half-written entry of a neighbour that
// is being added, and fails ("failed to read commondir").
var oneAtATime sync.Mutex

func (v Verifier) worktree(ctx context.Context) (string, error) {
	parent, err := os.MkdirTemp("", "tdd-")
	if err != nil {
		return "", err
	}
	tree := filepath.Join(parent, "tree")
	oneAtATime.Lock()
	defer oneAtATime.Unlock()
	_, err = git(ctx, v.Repo, "worktree", "add", "--detach", tree, "HEAD")
	return tree, err
}

// key names a claim by all that its truth depends on: the tree of its commit, and of its red.
func (v Verifier) key(ctx context.Context, c Claim) (string, error) {
	trees, err := git(ctx, v.Repo, "rev-parse", c.Commit+"^{tree}", c.Commit+"~^{tree}")
	if c.Red != "" && err == nil {
		var red string
		red, err = git(ctx, v.Repo, "rev-parse", c.Red+"^{tree}")
		trees += red
	}
	sum := sha256.Sum256([]byte(string(c.Kind) + c.Package + c.Test + trees))
	return hex.EncodeToString(sum[:]), err
}

func (v Verifier) known(key string) bool {
	if v.Cache == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(v.Cache, key))
	return err == nil
}

func (v Verifier) remember(key string) error {
	if v.Cache == "" {
		return nil
	}
	return errors.Join(os.MkdirAll(v.Cache, 0o750), os.WriteFile(filepath.Join(v.Cache, key), nil, 0o600))
}

// Why a claim does not hold.
var (
	ErrRedPasses     = errors.New("red, but the test passes")
	ErrNoSuchTest    = errors.New("there is no such test")
	ErrGreenFails    = errors.New("green, but the test fails")
	ErrTestChanged   = errors.New("the test that was red was changed to make it green")
	ErrRefactorFails = errors.New("refactor, but the test fails")
	ErrTestsTouched  = errors.New("refactor, but it changes tests")
)

// prove checks a claim's commit out and runs its test.
func prove(ctx context.Context, tree string, c Claim) error {
	if _, err := git(ctx, tree, "checkout", "--quiet", "--force", "--detach", c.Commit); err != nil {
		return err
	}
	now, err := source(filepath.Join(tree, c.Package), c.Test)
	if err != nil {
		return err
	}
	passes, output := runTest(ctx, tree, c)
	if err := ctx.Err(); err != nil {
		return err
	}
	switch {
	case c.Kind == Red && passes:
		return ErrRedPasses
	case c.Kind == Red:
		return nil
	case c.Kind == Green && !passes:
		return fmt.Errorf("%w:\n%s", ErrGreenFails, output)
	case c.Kind == Refactor && !passes:
		return fmt.Errorf("%w:\n%s", ErrRefactorFails, output)
	case c.Kind == Refactor:
		return untouched(ctx, tree, c)
	}
	if _, err := git(ctx, tree, "checkout", "--quiet", "--force", "--detach", c.Red); err != nil {
		return err
	}
	was, err := source(filepath.Join(tree, c.Package), c.Test)
	if err == nil && was != now {
		return ErrTestChanged
	}
	return err
}

func untouched(ctx context.Context, tree string, c Claim) error {
	changed, err := git(ctx, tree, "diff", "--name-only", c.Commit+"~", c.Commit)
	if err == nil && slices.ContainsFunc(strings.Fields(changed), func(f string) bool { return strings.HasSuffix(f, "_test.go") }) {
		return ErrTestsTouched
	}
	return err
}

// runTest runs the one test. Code that does not compile fails it.
func runTest(ctx context.Context, tree string, c Claim) (passes bool, output string) {
	test := exec.CommandContext(ctx, "go", "test", "-vet=off", "-run", "^"+c.Test+"$", "./"+c.Package)
	test.Dir = tree
	out, err := test.CombinedOutput()
	const most = 2000
	return err == nil, string(out[max(0, len(out)-most):])
}
