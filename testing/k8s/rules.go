package k8s

import (
	"cmp"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
)

// Finding is one object that breaks one rule.
type Finding struct{ Rule, Object, Text string }

func (f Finding) String() string { return f.Rule + ": " + f.Object + ": " + f.Text }

// Rule is a named promise of a set of manifests.
type Rule struct {
	Name  string
	Says  string // what is promised, for people
	check func(s *set, broken func(o runtime.Object, format string, args ...any))
}

// Rules are those that every overlay keeps.
func Rules() []Rule { return slices.Concat(podRules, rolloutRules, networkRules) }

// Check holds the objects of one overlay against the rules.
func Check(objects []runtime.Object, rules []Rule) []Finding {
	s := newSet(objects)
	var all []Finding
	for _, r := range rules {
		r.check(s, func(o runtime.Object, format string, args ...any) {
			all = append(all, Finding{Rule: r.Name, Object: nameOf(o), Text: fmt.Sprintf(format, args...)})
		})
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Compare(a.Object, b.Object) })
	return all
}

func nameOf(o runtime.Object) string {
	if o == nil {
		return "the whole"
	}
	if w, is := o.(workload); is {
		o = w.Object
	}
	kind := o.GetObjectKind().GroupVersionKind().Kind
	m, err := meta.Accessor(o)
	if err != nil {
		return kind
	}
	return kind + "/" + m.GetName()
}
