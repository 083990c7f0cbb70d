package infra

import (
	"fmt"
	"slices"
	"strings"
)

// Resolve gives the resources that a stage really has, sorted by name: those whose condition holds,
// with parameters and Fn::If put in. What only AWS knows stays as it is: {"Ref": "Vpc"}.
func (t Template) Resolve(s Settings) []Resource {
	v := values{template: t, given: s[t.Layer]}
	var resources []Resource
	for _, r := range t.Resources {
		if r.Condition != "" && !v.holds(map[string]any{"Condition": r.Condition}) {
			continue
		}
		r.Properties, _ = v.put(r.Properties).(map[string]any)
		resources = append(resources, r)
	}
	slices.SortFunc(resources, func(a, b Resource) int { return strings.Compare(a.Name, b.Name) })
	return resources
}

type values struct {
	template Template
	given    map[string]string
}

func (v values) parameter(name string) (string, bool) {
	if given, ok := v.given[name]; ok {
		return given, true
	}
	p, ok := v.template.Parameters[name]
	if !ok || p.Default == nil {
		return "", false
	}
	return fmt.Sprint(p.Default), true
}

// put replaces what is known within any value.
func (v values) put(value any) any {
	switch x := value.(type) {
	case map[string]any:
		if len(x) == 1 {
			if known, ok := v.function(x); ok {
				return known
			}
		}
		out := make(map[string]any, len(x))
		for k, item := range x {
			out[k] = v.put(item)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = v.put(item)
		}
		return out
	}
	return value
}

func (v values) function(x map[string]any) (any, bool) {
	if name, ok := x["Ref"].(string); ok {
		return v.parameterOf(name)
	}
	if args, ok := x["Fn::If"].([]any); ok && len(args) == 3 {
		if v.holds(map[string]any{"Condition": args[0]}) {
			return v.put(args[1]), true
		}
		return v.put(args[2]), true
	}
	if text, ok := x["Fn::Sub"].(string); ok {
		for name := range v.template.Parameters {
			if known, ok := v.parameter(name); ok {
				text = strings.ReplaceAll(text, "${"+name+"}", known)
			}
		}
		if !strings.Contains(text, "${") {
			return text, true
		}
		return map[string]any{"Fn::Sub": text}, true
	}
	return nil, false
}

func (v values) parameterOf(name string) (any, bool) {
	known, ok := v.parameter(name)
	return known, ok
}

// holds judges a condition: Condition, Fn::Equals, Fn::Not, Fn::And, Fn::Or.
func (v values) holds(condition any) bool {
	x, _ := condition.(map[string]any)
	if name, ok := x["Condition"].(string); ok {
		return v.holds(v.template.Conditions[name])
	}
	if args, ok := x["Fn::Equals"].([]any); ok && len(args) == 2 {
		return fmt.Sprint(v.put(args[0])) == fmt.Sprint(v.put(args[1]))
	}
	if args, ok := x["Fn::Not"].([]any); ok && len(args) == 1 {
		return !v.holds(args[0])
	}
	if args, ok := x["Fn::And"].([]any); ok {
		return !slices.ContainsFunc(args, func(a any) bool { return !v.holds(a) })
	}
	if args, ok := x["Fn::Or"].([]any); ok {
		return slices.ContainsFunc(args, v.holds)
	}
	return false
}
