package infra

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Route is one of the HTTP API: "GET /auth/me", and whether it asks for a token.
type Route struct {
	Key string
	JWT bool
}

// DescribedRoutes are those of OpenAPI documents, sorted, but /dev/..., which exist in local mode only.
func DescribedRoutes(documents ...string) ([]Route, error) {
	var routes []Route
	for _, document := range documents {
		text, err := os.ReadFile(document) //nolint:gosec // a file of this repository
		if err != nil {
			return nil, err
		}
		type operation struct {
			Security *[]any `yaml:"security"`
		}
		var api struct {
			Security []any                           `yaml:"security"`
			Paths    map[string]map[string]yaml.Node `yaml:"paths"`
		}
		if err := yaml.Unmarshal(text, &api); err != nil {
			return nil, fmt.Errorf("%s: %w", document, err)
		}
		for path, item := range api.Paths {
			for method, node := range item {
				if strings.HasPrefix(path, "/dev/") || !slices.Contains([]string{"get", "post", "put", "patch", "delete"}, method) {
					continue
				}
				var op operation
				if err := node.Decode(&op); err != nil {
					return nil, fmt.Errorf("%s: %s: %w", document, path, err)
				}
				guarded := len(api.Security) > 0
				if op.Security != nil {
					guarded = len(*op.Security) > 0
				}
				routes = append(routes, Route{Key: strings.ToUpper(method) + " " + path, JWT: guarded})
			}
		}
	}
	return byKey(routes), nil
}

// GatewayRoutes are those of the templates, sorted.
func GatewayRoutes(templates []Template) []Route {
	var routes []Route
	for _, r := range All(templates, "AWS::ApiGatewayV2::Route") {
		key, _ := r.Properties["RouteKey"].(string)
		routes = append(routes, Route{Key: key, JWT: r.Properties["AuthorizationType"] == "JWT"})
	}
	return byKey(routes)
}

func byKey(routes []Route) []Route {
	slices.SortFunc(routes, func(a, b Route) int { return strings.Compare(a.Key, b.Key) })
	return routes
}

// All are the resources of these types in all layers, sorted by layer and name; of every type if none is given.
func All(templates []Template, types ...string) []Resource {
	var all []Resource
	for _, t := range templates {
		for _, name := range sorted(t.Resources) {
			if r := t.Resources[name]; len(types) == 0 || slices.Contains(types, r.Type) {
				all = append(all, r)
			}
		}
	}
	return all
}
