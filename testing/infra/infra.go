// Package infra reads the AWS stack in the folder infra: its layers, which are CloudFormation
// templates, and the parameters of its stages. Tests hold the templates to the rules that matter,
// and package cost prices them.
package infra

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Layers are the templates in the order in which they are brought up. The cluster comes before the
// last.
var Layers = []string{"network", "registry", "data", "identity", "messaging", "access", "watch", "edge"}

// Template is one layer. Functions of CloudFormation have their long form: {"Ref": "Vpc"}.
type Template struct {
	Layer      string
	Parameters map[string]Parameter
	Conditions map[string]any
	Resources  map[string]Resource
	Outputs    map[string]map[string]any
}

// Parameter is one of a template. Without a default it is given by a stage or by another layer.
type Parameter struct {
	Type        string `yaml:"Type"`
	Default     any    `yaml:"Default"`
	Description string `yaml:"Description"`
}

// Resource is one of a template.
type Resource struct {
	Layer, Name    string
	Type           string
	Condition      string
	DeletionPolicy string
	Properties     map[string]any
}

// Load reads all layers in a folder, in their order.
func Load(dir string) ([]Template, error) {
	templates := make([]Template, 0, len(Layers))
	for _, layer := range Layers {
		text, err := os.ReadFile(filepath.Join(dir, layer+".yaml")) //nolint:gosec // a folder of this repository
		if err != nil {
			return nil, err
		}
		t, err := Parse(layer, text)
		if err != nil {
			return nil, err
		}
		templates = append(templates, t)
	}
	return templates, nil
}

// Parse reads one template.
func Parse(layer string, text []byte) (Template, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return Template{}, fmt.Errorf("%s: %w", layer, err)
	}
	lengthen(&root)
	var raw struct {
		Parameters map[string]Parameter      `yaml:"Parameters"`
		Conditions map[string]any            `yaml:"Conditions"`
		Outputs    map[string]map[string]any `yaml:"Outputs"`
		Resources  map[string]struct {
			Type           string         `yaml:"Type"`
			Condition      string         `yaml:"Condition"`
			DeletionPolicy string         `yaml:"DeletionPolicy"`
			Properties     map[string]any `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := root.Decode(&raw); err != nil {
		return Template{}, fmt.Errorf("%s: %w", layer, err)
	}
	t := Template{
		Layer: layer, Parameters: raw.Parameters, Conditions: raw.Conditions, Outputs: raw.Outputs,
		Resources: make(map[string]Resource, len(raw.Resources)),
	}
	if len(raw.Resources) == 0 {
		return Template{}, fmt.Errorf("%s: no resources", layer)
	}
	for name, r := range raw.Resources {
		t.Resources[name] = Resource{
			Layer: layer, Name: name, Type: r.Type, Condition: r.Condition,
			DeletionPolicy: r.DeletionPolicy, Properties: r.Properties,
		}
	}
	return t, nil
}

// lengthen turns short forms (!Ref x) into long ones ({Ref: x}).
func lengthen(n *yaml.Node) {
	for _, child := range n.Content {
		lengthen(child)
	}
	short, isShort := strings.CutPrefix(n.Tag, "!")
	if !isShort || strings.HasPrefix(n.Tag, "!!") || short == "" {
		return
	}
	name := "Fn::" + short
	if short == "Ref" || short == "Condition" {
		name = short
	}
	value := *n
	value.Tag = ""
	if short == "GetAtt" && value.Kind == yaml.ScalarNode {
		of, attribute, _ := strings.Cut(value.Value, ".")
		value = yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{
			{Kind: yaml.ScalarNode, Value: of}, {Kind: yaml.ScalarNode, Value: attribute},
		}}
	}
	*n = yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: name}, &value}}
}

// Settings are the parameters of a stage, by layer.
type Settings map[string]map[string]string

// LoadSettings reads a file of lines LAYER.Parameter=Value.
func LoadSettings(path string) (Settings, error) {
	file, err := os.Open(path) //nolint:gosec // a file of this repository
	if err != nil {
		return nil, err
	}
	s := Settings{}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		layer, key, dotted := strings.Cut(name, ".")
		if !ok || !dotted {
			return nil, errors.Join(fmt.Errorf("%s: not LAYER.Parameter=Value: %s", path, line), file.Close())
		}
		if s[layer] == nil {
			s[layer] = map[string]string{}
		}
		s[layer][key] = value
	}
	return s, errors.Join(lines.Err(), file.Close())
}
