package gate

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/cover"
)

// Layers are the parts of the code that are judged apart, in the order of the table.
var Layers = []string{"domain", "app", "ports", "adapters", "wiring", "shared", "harness"}

// layerOf says to which layer a file belongs, by its path in the repository.
func layerOf(path string) string {
	parts := strings.Split(path, "/")
	switch parts[0] {
	case "shared":
		return "shared"
	case "testing", "coverage":
		return "harness"
	}
	if len(parts) > 2 {
		for _, layer := range []string{"domain", "app", "ports", "adapters"} {
			if parts[1] == layer {
				return layer
			}
		}
	}
	return "wiring"
}

// Sum counts statements.
type Sum struct{ Covered, Statements int }

// Percent is how much is covered; of nothing, all is.
func (s Sum) Percent() float64 {
	if s.Statements == 0 {
		return 100
	}
	return 100 * float64(s.Covered) / float64(s.Statements)
}

func (s Sum) String() string { return fmt.Sprintf("%.1f %%", s.Percent()) }

func sum(p *cover.Profile) (s Sum) {
	for _, b := range p.Blocks {
		s.Statements += b.NumStmt
		if b.Count > 0 {
			s.Covered += b.NumStmt
		}
	}
	return s
}

// File is one file's coverage.
type File struct {
	Path, Layer string
	Sum
}

// Report is the coverage of all files, by layer and in total.
type Report struct {
	Files  []File
	Layers map[string]Sum
	Total  Sum
}

// Summarise sums profiles up.
func Summarise(tree Tree, profiles []*cover.Profile) Report {
	r := Report{Layers: map[string]Sum{}}
	for _, p := range profiles {
		f := File{tree.path(p.FileName), layerOf(tree.path(p.FileName)), sum(p)}
		r.Files = append(r.Files, f)
		r.Layers[f.Layer] = r.Layers[f.Layer].plus(f.Sum)
		r.Total = r.Total.plus(f.Sum)
	}
	return r
}

func (s Sum) plus(o Sum) Sum { return Sum{s.Covered + o.Covered, s.Statements + o.Statements} }

// Thresholds are the least percentages, by layer, and "total".
type Thresholds map[string]float64

// ReadThresholds reads them from a YAML file and refuses names that are no layer.
func ReadThresholds(path string) (Thresholds, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var t Thresholds
	if err := yaml.Unmarshal(b, &t); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for name, least := range t {
		if name != "total" && !slices.Contains(Layers, name) || least < 0 || least > 100 {
			return nil, fmt.Errorf("%s: %s: %v: no layer, or no percentage", path, name, least)
		}
	}
	if _, ok := t["total"]; !ok {
		return nil, fmt.Errorf("%s: there is no total", path)
	}
	return t, nil
}

// Judge returns an error that names every layer below its threshold.
func (r Report) Judge(t Thresholds) error {
	var errs []error
	short := func(name string, s Sum) {
		if least, has := t[name]; has && s.Percent() < least {
			errs = append(errs, fmt.Errorf("%s: %.2f %% is below %g %%", name, s.Percent(), least))
		}
	}
	for _, layer := range Layers {
		short(layer, r.Layers[layer])
	}
	short("total", r.Total)
	return errors.Join(errs...)
}

// worst is how many files of a layer that falls short are named.
const worst = 5

// Print writes the table, and of each layer that falls short the files that miss most.
func (r Report) Print(w io.Writer, t Thresholds) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, s Sum) {
		least, verdict := "", ""
		if limit, has := t[name]; has {
			least, verdict = fmt.Sprintf("%g %%", limit), "ok"
			if s.Percent() < limit {
				verdict = "BELOW"
			}
		}
		_, _ = fmt.Fprintf(table, "%s\t%d\t%d\t%s\t%s\t%s\t\n", name, s.Statements, s.Statements-s.Covered, s, least, verdict)
	}
	_, _ = fmt.Fprintln(table, "layer\tstatements\tmissed\tcovered\tat least\t\t")
	for _, layer := range Layers {
		row(layer, r.Layers[layer])
	}
	row("total", r.Total)
	if err := table.Flush(); err != nil {
		return err
	}
	for _, layer := range Layers {
		if limit, has := t[layer]; has && r.Layers[layer].Percent() < limit || r.Total.Percent() < t["total"] {
			r.printWorst(w, layer)
		}
	}
	return nil
}

func (r Report) printWorst(w io.Writer, layer string) {
	var files []File
	for _, f := range r.Files {
		if f.Layer == layer && f.Covered < f.Statements {
			files = append(files, f)
		}
	}
	slices.SortFunc(files, func(a, b File) int {
		return cmp.Or(cmp.Compare(b.Statements-b.Covered, a.Statements-a.Covered), strings.Compare(a.Path, b.Path))
	})
	for _, f := range files[:min(worst, len(files))] {
		_, _ = fmt.Fprintf(w, "  %-9s %4d missed in %s (%s)\n", layer, f.Statements-f.Covered, f.Path, f.Sum)
	}
}
