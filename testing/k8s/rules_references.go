package k8s

import (
	"slices"

	core "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// references finds what a pod is given and nobody makes: such a pod never starts.
func references(s *set, broken report) {
	configs, secrets := s.keys()
	for _, w := range s.workloads {
		for _, c := range slices.Concat(w.pod.Spec.InitContainers, w.pod.Spec.Containers) {
			for _, from := range c.EnvFrom {
				if r := from.ConfigMapRef; r != nil && configs[r.Name] == nil && !ptr.Deref(r.Optional, false) {
					broken(w, "there is no ConfigMap %s", r.Name)
				}
				if r := from.SecretRef; r != nil && secrets[r.Name] == nil && !ptr.Deref(r.Optional, false) {
					broken(w, "there is no Secret %s", r.Name)
				}
			}
			for _, e := range c.Env {
				if e.ValueFrom == nil {
					continue
				}
				if r := e.ValueFrom.SecretKeyRef; r != nil && !slices.Contains(secrets[r.Name], r.Key) {
					broken(w, "%s: there is no key %s in a Secret %s", e.Name, r.Key, r.Name)
				}
				if r := e.ValueFrom.ConfigMapKeyRef; r != nil && !slices.Contains(configs[r.Name], r.Key) {
					broken(w, "%s: there is no key %s in a ConfigMap %s", e.Name, r.Key, r.Name)
				}
			}
		}
	}
}

// keys are those of each ConfigMap and Secret, by name; never nil for one that exists.
func (s *set) keys() (configs, secrets map[string][]string) {
	configs, secrets = map[string][]string{}, map[string][]string{}
	for _, m := range of[*core.ConfigMap](s) {
		configs[m.Name] = []string{}
		for k := range m.Data {
			configs[m.Name] = append(configs[m.Name], k)
		}
	}
	for _, m := range of[*core.Secret](s) {
		secrets[m.Name] = []string{}
		for k := range m.Data {
			secrets[m.Name] = append(secrets[m.Name], k)
		}
	}
	for _, e := range of[*ExternalSecret](s) {
		secrets[e.Spec.Target.Name] = []string{}
		for _, d := range e.Spec.Data {
			secrets[e.Spec.Target.Name] = append(secrets[e.Spec.Target.Name], d.SecretKey)
		}
	}
	return configs, secrets
}
