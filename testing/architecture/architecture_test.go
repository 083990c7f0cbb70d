package architecture_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/testing/architecture"
)

func imports(from, to string) []string {
	if !strings.Contains(to, ".") && strings.Contains(to, "/") {
		to = architecture.Prefix + to
	}
	return architecture.Check([]architecture.Package{{Path: architecture.Prefix + from, Imports: []string{to}}})
}

func TestCheck_LayersKnowOnlyWhatIsBelowThem(t *testing.T) {
	t.Parallel()
	for _, allowed := range [][2]string{
		{"auth/domain", "fmt"},
		{"transaction/domain", "shared/money"},
		{"auth/ports", "auth/domain"},
		{"auth/app", "auth/ports"},
		{"auth/adapters/rest", "auth/app"},
		{"auth/adapters/rest", "shared/problem"},
		{"auth", "auth/adapters/rest"},
		{"auth/cmd/auth", "auth/domain"},
		{"micropay/serve", "transaction/adapters"},
		{"auth/adapters/rest/x", "auth/adapters/rest/y"},
		{"auth/app", "github.com/google/uuid"},
		{"testing/contract", "testing/pgtest"},
	} {
		require.Empty(t, imports(allowed[0], allowed[1]), allowed)
	}
	for _, refused := range [][2]string{
		{"auth/domain", "github.com/google/uuid"},
		{"auth/domain", "shared/problem"},
		{"auth/domain", "auth/ports"},
		{"auth/ports", "auth/app"},
		{"auth/app", "auth/adapters/rest"},
		{"auth/adapters/rest", "auth/adapters/postgres"},
		{"auth/adapters/rest", "auth/migrations"},
		{"auth/app", "transaction/domain"},
		{"micropay/serve", "auth/cmd/auth"},
		{"shared/token", "auth/domain"},
		{"transaction", "testing/pgtest"},
		{"transaction/domain", "testing/tokens"},
	} {
		require.Len(t, imports(refused[0], refused[1]), 1, refused)
	}
}

func TestCheck_PackagesAreNamedForWhatTheyProvide(t *testing.T) {
	t.Parallel()
	require.Len(t, architecture.Check([]architecture.Package{{Path: architecture.Prefix + "shared/utils"}}), 1)
}

func TestCheck_AFileIsReadInOneSitting(t *testing.T) {
	t.Parallel()
	long := architecture.File{Name: "long.go", Lines: architecture.MostLines + 1}
	require.Len(t, architecture.Check([]architecture.Package{{Path: architecture.Prefix + "shared/x", Files: []architecture.File{long}}}), 1)
	long.Generated = true
	require.Empty(t, architecture.Check([]architecture.Package{{Path: architecture.Prefix + "shared/x", Files: []architecture.File{long}}}))
}

func TestWorkspace_KeepsTheRules(t *testing.T) {
	t.Parallel()
	require.Empty(t, architecture.Check(workspace(t)))
}

// workspace reads all packages of all modules.
func workspace(t *testing.T) (packages []architecture.Package) {
	t.Helper()
	modules := strings.Fields(string(golist(t, "-m", "-f", "{{.Dir}}/...")))
	listed := json.NewDecoder(bytes.NewReader(golist(t, append([]string{"-json=ImportPath,Dir,Imports,GoFiles"}, modules...)...)))
	for {
		var p struct {
			ImportPath, Dir  string
			Imports, GoFiles []string
		}
		err := listed.Decode(&p)
		if errors.Is(err, io.EOF) {
			require.Greater(t, len(packages), 20)
			return packages
		}
		require.NoError(t, err)
		pkg := architecture.Package{Path: p.ImportPath, Imports: p.Imports}
		for _, name := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, name))
			require.NoError(t, err)
			pkg.Files = append(pkg.Files, architecture.File{
				Name: name, Lines: bytes.Count(text, []byte("\n")), Generated: bytes.HasPrefix(text, []byte("// Code generated")),
			})
		}
		packages = append(packages, pkg)
	}
}

func golist(t *testing.T, args ...string) []byte {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	require.NoError(t, err)
	return out
}
