// Package cost estimates what a month of the AWS stack costs: what the templates make for a stage,
// the nodes of k8s/cluster.yaml, and what each transfer uses, times a dated list of prices.
//
// It is an estimate for people, so it reckons in floating point; nothing here is a customer's money.
package cost

import (
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"github.com/micropay/micropay/testing/infra"
)

// Price is one of infra/prices.yaml.
type Price struct {
	USD    float64 `yaml:"usd"`
	Per    string  `yaml:"per"`
	Source string  `yaml:"source"` // where AWS states it
	Seen   string  `yaml:"seen"`   // who repeats the figure; empty: nobody was found
}

// Load is one of infra/loads.yaml.
type Load struct {
	Name          string  `yaml:"name"`
	Stage         string  `yaml:"stage"`
	Rate          float64 `yaml:"rate"`            // transfers a second
	EventsPerCall float64 `yaml:"events_per_call"` // how full batches are
	Node          string  `yaml:"node"`            // other than the cluster file's
	Nodes         int     `yaml:"nodes"`
	Database      string  `yaml:"database"` // other than the stage's
	StorageGB     float64 `yaml:"storage_gb"`
	IOPS          float64 `yaml:"iops"` // that PostgreSQL needs; up to 12,000 come with the storage
}

// Transfers are those of a month.
func (l Load) Transfers() float64 { return l.Rate * hours * 3600 }

const hours = 730 // of a month

// Use is what one transfer uses.
type Use struct {
	Requests    float64 `yaml:"requests"`
	RequestKB   float64 `yaml:"request_kb"`
	ResponseKB  float64 `yaml:"response_kb"`
	AccessLogKB float64 `yaml:"access_log_kb"`
	Letters     float64 `yaml:"letters"`
	LetterKB    float64 `yaml:"letter_kb"`
	EventKB     float64 `yaml:"event_kb"`
	DatabaseKB  float64 `yaml:"database_kb"`
	StoredKB    float64 `yaml:"stored_kb"`
	PassingKB   float64 `yaml:"passing_kb"` // stored for a month at most
	PerPerson   float64 `yaml:"per_person"` // transfers a month
}

// nodeGroup is what counts of k8s/cluster.yaml.
type nodeGroup struct {
	InstanceType    string  `yaml:"instanceType"`
	DesiredCapacity int     `yaml:"desiredCapacity"`
	VolumeSize      float64 `yaml:"volumeSize"`
}

// Estimate is a month of every load.
type Estimate struct {
	Date   string
	Prices map[string]Price
	Used   map[string]bool // prices that something was multiplied by
	Use    Use
	Loads  []Load

	nodes    nodeGroup
	services []string
	usd      map[string]map[string]float64 // by load and service
	growth   map[string]float64            // what each further month adds to a month, by load
	shapes   map[string]shape
}

// shape is what a load was priced with.
type shape struct {
	nodes    int
	node     string
	database string
	multiAZ  bool
	storage  float64 // GB at first
	grown    float64 // GB a month
}

// Compute reads the repository at root.
func Compute(root string) (Estimate, error) {
	var prices struct {
		Date   string           `yaml:"date"`
		Prices map[string]Price `yaml:"prices"`
	}
	var loads struct {
		Transfer Use    `yaml:"transfer"`
		Loads    []Load `yaml:"loads"`
	}
	var cluster struct {
		Groups []nodeGroup `yaml:"managedNodeGroups"`
	}
	for name, into := range map[string]any{"infra/prices.yaml": &prices, "infra/loads.yaml": &loads, "k8s/cluster.yaml": &cluster} {
		text, err := os.ReadFile(filepath.Join(root, name)) //nolint:gosec // a file of this repository
		if err != nil {
			return Estimate{}, err
		}
		if err := yaml.Unmarshal(text, into); err != nil {
			return Estimate{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(cluster.Groups) != 1 {
		return Estimate{}, fmt.Errorf("k8s/cluster.yaml: %d groups of nodes, one is expected", len(cluster.Groups))
	}
	e := Estimate{
		Date: prices.Date, Prices: prices.Prices, Used: map[string]bool{}, Use: loads.Transfer, Loads: loads.Loads, nodes: cluster.Groups[0],
		usd: map[string]map[string]float64{}, growth: map[string]float64{}, shapes: map[string]shape{},
	}
	return e, e.priceAll(filepath.Join(root, "infra"))
}

func (e *Estimate) priceAll(dir string) error {
	templates, err := infra.Load(dir)
	if err != nil {
		return err
	}
	for _, l := range e.Loads {
		settings, err := infra.LoadSettings(filepath.Join(dir, l.Stage+".params"))
		if err != nil {
			return err
		}
		made := map[string][]infra.Resource{}
		for _, t := range templates {
			for _, r := range t.Resolve(settings) {
				made[r.Type] = append(made[r.Type], r)
			}
		}
		if err := e.price(l, made); err != nil {
			return fmt.Errorf("%s: %w", l.Name, err)
		}
	}
	return nil
}

// Services are the lines, in their order.
func (e Estimate) Services() []string { return e.services }

// Of is what a service costs a month at a load.
func (e Estimate) Of(load, service string) float64 { return e.usd[load][service] }

// Total is a month of a load.
func (e Estimate) Total(load string) float64 {
	sum := 0.0
	for _, service := range e.services { // in one order, so that rounding is the same each time
		sum += e.usd[load][service]
	}
	return sum
}
