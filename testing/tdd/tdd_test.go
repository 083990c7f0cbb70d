package tdd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/tdd"
)

const (
	module  = "module example.com/m\n\ngo 1.26\n"
	nothing = "package sum\n\nfunc Sum(a, b int) int { return 0 }\n"
	adds    = "package sum\n\nfunc Sum(a, b int) int { return a + b }\n"
	tidy    = "package sum\n\n// Sum adds.\nfunc Sum(a, b int) int { return b + a }\n"
	test    = "package sum\n\nimport \"testing\"\n\nfunc TestSum_Adds(t *testing.T) {\n\tif Sum(1, 2) != 3 {\n\t\tt.Fatal()\n\t}\n}\n"
	weaker  = "package sum\n\nimport \"testing\"\n\nfunc TestSum_Adds(t *testing.T) {\n\tif Sum(0, 0) != 0 {\n\t\tt.Fatal()\n\t}\n}\n"
)

// repository is a git repository that tests commit to.
type repository struct {
	t   *testing.T
	dir string
}

func newRepository(t *testing.T) repository {
	t.Helper()
	r := repository{t, t.TempDir()}
	r.git("init", "--quiet")
	r.commit("start", "", map[string]string{"go.mod": module, "sum/sum.go": nothing})
	return r
}

func (r repository) git(args ...string) {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", r.dir, "-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"}, args...)...)
	out, err := cmd.CombinedOutput()
	require.NoError(r.t, err, string(out))
}

func (r repository) commit(subject, claim string, files map[string]string) {
	r.t.Helper()
	for path, text := range files {
		full := filepath.Join(r.dir, path)
		require.NoError(r.t, os.MkdirAll(filepath.Dir(full), 0o750))
		require.NoError(r.t, os.WriteFile(full, []byte(text), 0o600))
	}
	r.git("add", "--all")
	message := []string{"commit", "--quiet", "--allow-empty", "-m", subject}
	if claim != "" {
		message = append(message, "-m", "TDD: "+claim+" sum TestSum_Adds")
	}
	r.git(message...)
}

func (r repository) verify(cache string) (proven int, err error) {
	r.t.Helper()
	claims, err := tdd.History(r.t.Context(), r.dir, nil)
	if err != nil {
		return 0, err
	}
	v := tdd.Verifier{Repo: r.dir, Cache: cache, Parallel: 2, Report: func(_, _ int, _ tdd.Claim, err error) {
		if err == nil {
			proven++
		}
	}}
	return proven, v.Verify(r.t.Context(), claims)
}

func TestVerify_ProvesAWholeCycle(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("sum: adds", "red", map[string]string{"sum/sum_test.go": test})
	r.commit("something between", "", map[string]string{"README": "x"})
	r.commit("sum: add", "green", map[string]string{"sum/sum.go": adds})
	r.commit("sum: tidy", "refactor", map[string]string{"sum/sum.go": tidy})
	cache := t.TempDir()
	for range 2 { // the second time from the cache
		proven, err := r.verify(cache)
		require.NoError(t, err)
		require.Equal(t, 3, proven)
	}
	left, err := exec.Command("git", "-C", r.dir, "worktree", "list").Output()
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(left), "\n"), "no worktree is left behind")
}

func TestVerify_RedMustFail(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("red too late", "red", map[string]string{"sum/sum.go": adds, "sum/sum_test.go": test})
	_, err := r.verify("")
	require.ErrorIs(t, err, tdd.ErrRedPasses)
}

func TestVerify_RedNeedsItsTest(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("no test", "red", map[string]string{"sum/broken_test.go": "package sum\n\nfunc TestOther("})
	_, err := r.verify("")
	require.ErrorIs(t, err, tdd.ErrNoSuchTest)
}

func TestVerify_GreenMustPass(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("red", "red", map[string]string{"sum/sum_test.go": test})
	r.commit("not there yet", "green", nil)
	_, err := r.verify("")
	require.ErrorIs(t, err, tdd.ErrGreenFails)
}

func TestVerify_GreenMustNotWeakenItsTest(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("red", "red", map[string]string{"sum/sum_test.go": test})
	r.commit("easier", "green", map[string]string{"sum/sum_test.go": weaker})
	_, err := r.verify("")
	require.ErrorIs(t, err, tdd.ErrTestChanged)
}

func TestVerify_RefactorChangesNoTestAndPasses(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("red", "red", map[string]string{"sum/sum_test.go": test})
	r.commit("green", "green", map[string]string{"sum/sum.go": adds})
	r.commit("touches tests", "refactor", map[string]string{"sum/sum_test.go": test + "\n// more\n"})
	_, err := r.verify("")
	require.ErrorIs(t, err, tdd.ErrTestsTouched)
	r.commit("breaks", "refactor", map[string]string{"sum/sum.go": nothing})
	_, err = r.verify("")
	require.ErrorIs(t, err, tdd.ErrRefactorFails)
}

func TestHistory_RefusesClaimsThatCannotBe(t *testing.T) {
	t.Parallel()
	for claim, fault := range map[string]string{"green": "no red before it", "blue": "must be red, green or refactor", "red x": "want a kind"} {
		r := newRepository(t)
		r.commit("x", claim, nil)
		_, err := r.verify("")
		require.ErrorContains(t, err, fault)
	}
	_, err := tdd.History(t.Context(), t.TempDir(), nil)
	require.Error(t, err)
}

func TestHistory_SaysWhenTheCloneIsShallow(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("two", "", nil)
	clone := t.TempDir()
	out, err := exec.Command("git", "clone", "--quiet", "--depth=1", "file://"+r.dir, clone).CombinedOutput()
	require.NoError(t, err, string(out))
	_, err = tdd.History(t.Context(), clone, nil)
	require.ErrorContains(t, err, "git fetch --unshallow")
}

func TestTable_TellsEachCycle(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("sum: a | b adds", "red", map[string]string{"sum/sum_test.go": test})
	r.commit("sum: add", "green", map[string]string{"sum/sum.go": adds})
	r.commit("sum: tidy", "refactor", map[string]string{"sum/sum.go": tidy})
	r.commit("sum: again", "red", nil)
	claims, err := tdd.History(t.Context(), r.dir, nil)
	require.NoError(t, err)
	table := tdd.Table(claims, tdd.Withdrawn{"1234567": "the test passed"})
	require.Contains(t, table, "- 1234567: the test passed")
	require.Contains(t, table, "1 cycles.")
	require.Contains(t, table, "| 1 | a \\| b adds | `sum` | `TestSum_Adds` | "+claims[0].Commit[:8]+" | "+claims[1].Commit[:8]+" |")
	require.Contains(t, table, "- "+claims[2].Commit[:8]+": sum: tidy (`TestSum_Adds`)")

	document, err := tdd.Insert("# Title\n<!-- cycles: written by make tdd-verify -->\nSTALE\n<!-- end of cycles -->\nrest\n", table)
	require.NoError(t, err)
	require.NotContains(t, document, "STALE")
	require.Contains(t, document, "rest")
	_, err = tdd.Insert("# Title", table)
	require.Error(t, err)
}

func TestWithdrawn_LeavesAClaimOutWithItsReason(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit("no red before", "green", nil)
	head, err := exec.Command("git", "-C", r.dir, "rev-parse", "HEAD").Output()
	require.NoError(t, err)
	withdrawn, err := tdd.ParseWithdrawn("# comment\n\n" + string(head[:9]) + " its red was never seen\n")
	require.NoError(t, err)
	claims, err := tdd.History(t.Context(), r.dir, withdrawn)
	require.NoError(t, err)
	require.Empty(t, claims)
	for _, text := range []string{"1234567", "123 short"} {
		_, err := tdd.ParseWithdrawn(text)
		require.Error(t, err)
	}
}
