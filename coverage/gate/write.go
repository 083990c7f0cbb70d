package gate

import (
	"encoding/xml"
	"fmt"
	"io"
	"path"

	"golang.org/x/tools/cover"
)

// WriteProfile writes merged profiles in Go's own format.
func WriteProfile(w io.Writer, profiles []*cover.Profile) error {
	if _, err := fmt.Fprintln(w, "mode: atomic"); err != nil {
		return err
	}
	for _, p := range profiles {
		for _, b := range p.Blocks {
			_, err := fmt.Fprintf(w, "%s:%d.%d,%d.%d %d %d\n", p.FileName, b.StartLine, b.StartCol, b.EndLine, b.EndCol, b.NumStmt, b.Count)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

type coberturaLine struct {
	Number int `xml:"number,attr"`
	Hits   int `xml:"hits,attr"`
}

type coberturaClass struct {
	Name     string          `xml:"name,attr"`
	Filename string          `xml:"filename,attr"`
	LineRate float64         `xml:"line-rate,attr"`
	Methods  struct{}        `xml:"methods"`
	Lines    []coberturaLine `xml:"lines>line"`
}

type coberturaPackage struct {
	Name     string           `xml:"name,attr"`
	LineRate float64          `xml:"line-rate,attr"`
	Classes  []coberturaClass `xml:"classes>class"`
}

type cobertura struct {
	XMLName  xml.Name           `xml:"coverage"`
	LineRate float64            `xml:"line-rate,attr"`
	Valid    int                `xml:"lines-valid,attr"`
	Covered  int                `xml:"lines-covered,attr"`
	Version  string             `xml:"version,attr"`
	Sources  []string           `xml:"sources>source"`
	Packages []coberturaPackage `xml:"packages>package"`
}

// WriteCobertura writes Cobertura XML, which most CI systems show.
// Source: cobertura.sourceforge.net/xml/coverage-04.dtd.
func WriteCobertura(w io.Writer, tree Tree, profiles []*cover.Profile) error {
	doc := cobertura{Version: "micropay", Sources: []string{tree.Root}}
	byPackage := map[string]int{}
	sums := map[string]Sum{}
	for _, p := range profiles {
		file := tree.path(p.FileName)
		pkg, s := path.Dir(file), sum(p)
		if _, known := byPackage[pkg]; !known {
			byPackage[pkg] = len(doc.Packages)
			doc.Packages = append(doc.Packages, coberturaPackage{Name: pkg})
		}
		sums[pkg] = sums[pkg].plus(s)
		at := &doc.Packages[byPackage[pkg]]
		at.LineRate = sums[pkg].Percent() / 100
		at.Classes = append(at.Classes, coberturaClass{Name: path.Base(file), Filename: file, LineRate: s.Percent() / 100, Lines: lines(p)})
		doc.Valid += s.Statements
		doc.Covered += s.Covered
	}
	doc.LineRate = Sum{doc.Covered, doc.Valid}.Percent() / 100
	if _, err := io.WriteString(w, xml.Header+`<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">`+"\n"); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	return enc.Encode(doc)
}

// lines gives each line the count of the last block on it.
func lines(p *cover.Profile) []coberturaLine {
	hits, last := map[int]int{}, 0
	for _, b := range p.Blocks {
		for n := b.StartLine; n <= b.EndLine; n++ {
			hits[n] = b.Count
		}
		last = max(last, b.EndLine)
	}
	var all []coberturaLine
	for n := 1; n <= last; n++ {
		if count, has := hits[n]; has {
			all = append(all, coberturaLine{n, count})
		}
	}
	return all
}

// WriteBadge writes a small SVG that says how much is covered.
func WriteBadge(w io.Writer, total Sum, least float64) error {
	color := "#3a8f3a"
	if total.Percent() < least {
		color = "#b8342b"
	}
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="124" height="20" role="img" aria-label="coverage: %[1]s">
<rect width="64" height="20" fill="#555"/><rect x="64" width="60" height="20" fill="%[2]s"/>
<g fill="#fff" font-family="Verdana,sans-serif" font-size="11" text-anchor="middle"><text x="32" y="14">coverage</text><text x="94" y="14">%[1]s</text></g>
</svg>
`, total, color)
	return err
}
