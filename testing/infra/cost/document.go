package cost

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

type writer func(format string, args ...any)

// Document is docs/cost.md.
func (e Estimate) Document() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# What a month costs\n")
	line("Written by `make cost` from the templates in infra/, the parameters of the stage, k8s/cluster.yaml, infra/loads.yaml and")
	line("infra/prices.yaml (us-east-1, on demand, %s, USD). An estimate: Stripe's and PayPal's fees, support and taxes are not in it.\n", e.Date)
	e.table(line)
	e.dominates(line)
	e.assumptions(line)
	e.priceList(line)
	return b.String()
}

func (e Estimate) table(line writer) {
	head, rule := "| service |", "|---|"
	for _, l := range e.Loads {
		head += " " + l.Name + " |"
		rule += "---:|"
	}
	line("%s\n%s", head, rule)
	row := func(name string, of func(Load) string) {
		text := "| " + name + " |"
		for _, l := range e.Loads {
			text += " " + of(l) + " |"
		}
		line("%s", text)
	}
	for _, s := range e.services {
		row(s, func(l Load) string { return usd(e.Of(l.Name, s)) })
	}
	row("**a month**", func(l Load) string { return "**" + usd(e.Total(l.Name)) + "**" })
	row("of it without people and letters", func(l Load) string { return usd(e.platform(l)) })
	row("each further month adds, for what is stored", func(l Load) string { return usd(e.growth[l.Name]) })
	row("transfers, millions", func(l Load) string { return number(l.Transfers() / million) })
	row("**a million transfers**", func(l Load) string { return "**" + usd(e.Total(l.Name)/(l.Transfers()/million)) + "**" })
	row("of it without people and letters", func(l Load) string { return usd(e.platform(l) / (l.Transfers() / million)) })
}

// platform leaves out what is paid for each person and letter.
func (e Estimate) platform(l Load) float64 {
	return e.Total(l.Name) - e.Of(l.Name, "Cognito") - e.Of(l.Name, "SES")
}

func (e Estimate) dominates(line writer) {
	line("\n## What dominates\n")
	for _, l := range e.Loads {
		line("- %s: %s; without people and letters %s.", l.Name, e.largest(l, e.Total(l.Name), 2), e.largest(l, e.platform(l), 4, "Cognito", "SES"))
	}
	if e.Prices["cognito_mau"].Seen == "" {
		line("\nThe price of an active person, which decides the largest line under load, is one of those that could not be verified: see below.")
	}
	line(`
At rest it is the machines that are there whether or not anybody pays. Under load it is what AWS counts for each person and each
letter, not the ledger: with an active person for every %g transfers a month people are the largest line, and %g letters for each
transfer the second. Both are choices: auth's local identity provider costs no more than its pods, and letters can be told once a
day. At such volumes nobody pays list prices; AWS discounts them by contract.

Storage grows without end, because the ledger forgets nothing: RDS holds 64 TiB, which 10,000 transfers a second fill in %.0f weeks.
At that rate old entries have to move to cheaper storage, which nothing here does yet.`,
		e.Use.PerPerson, e.Use.Letters, (64*1024*1.073741824*gb/10_000-hours*3600*e.Use.PassingKB)/e.Use.StoredKB/(7*24*3600))
}

// largest names the services that cost most at a load, each in percent of a sum.
func (e Estimate) largest(l Load, sum float64, count int, without ...string) string {
	services := slices.DeleteFunc(slices.Clone(e.services), func(s string) bool { return slices.Contains(without, s) })
	slices.SortStableFunc(services, func(a, b string) int { return cmp.Compare(e.Of(l.Name, b), e.Of(l.Name, a)) })
	parts := make([]string, count)
	for i, s := range services[:count] {
		parts[i] = fmt.Sprintf("%s %.0f %%", s, 100*e.Of(l.Name, s)/sum)
	}
	return strings.Join(parts, ", ")
}

func (e Estimate) assumptions(line writer) {
	u := e.Use
	line("\n## Assumptions\n")
	line("A load is sustained around the clock, %d hours a month; one that is reached at noon only has the machines of its peak and the\nvolumes of its mean. Of each transfer:\n", hours)
	line("| | |\n|---|---|")
	line("| requests | %g, each %g KB in, %g KB out, %g KB of access log |", u.Requests, u.RequestKB, u.ResponseKB, u.AccessLogKB)
	line("| letters | %g, each %g KB |", u.Letters, u.LetterKB)
	line("| events | 1, %g KB, deleted from its queue one by one |", u.EventKB)
	line("| PostgreSQL | %g KB to and fro, half between zones; %g KB stored for good, %g KB for a month |", u.DatabaseKB, u.StoredKB, u.PassingKB)
	line("| people | one active person for %g transfers a month |", u.PerPerson)
	line("\n| load | stage | nodes | database | storage | grows a month by | events in a call |\n|---|---|---|---|---:|---:|---:|")
	for _, l := range e.Loads {
		s := e.shapes[l.Name]
		zones := "one zone"
		if s.multiAZ {
			zones = "Multi-AZ"
		}
		line("| %s | %s | %d %s | %s, %s | %s GB | %s GB | %g |", l.Name, l.Stage, s.nodes, s.node, s.database, zones, number(s.storage), number(s.grown), l.EventsPerCall)
	}
	line("\nThe first two loads run on the nodes of k8s/cluster.yaml and the database of their stage. The machines of the others are guesses on\nthe safe side of [bench.md](bench.md): measure before you buy. Logs of the pods stay on the nodes; shipping them costs by the GB.\nCloudFormation, IAM, the VPC link, budgets and a Cloud Map that nobody asks cost nothing; flow logs have refused packets only.")
}

func (e Estimate) priceList(line writer) {
	line("\n## Prices\n")
	line("AWS's own pages fill in their figures by script, and could not be read as text: `repeated by` is another page that states the same\nfigure, **unverified** stands where none was found. Check those before you rely on them.\n")
	line("| price | USD | per | source | repeated by |\n|---|---:|---|---|---|")
	names := make([]string, 0, len(e.Prices))
	for name := range e.Prices {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		p := e.Prices[name]
		seen := "**unverified**"
		if p.Seen != "" {
			seen = "<" + p.Seen + ">"
		}
		line("| %s | %g | %s | <%s> | %s |", name, p.USD, p.Per, p.Source, seen)
	}
}

// usd writes whole dollars with separators, cents below a hundred.
func usd(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.2f", v)
	}
	return number(v)
}

func number(v float64) string {
	if v < 10 && v != float64(int(v)) {
		return fmt.Sprintf("%.2g", v)
	}
	digits := fmt.Sprintf("%.0f", v)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
