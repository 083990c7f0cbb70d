package k8s

import (
	"slices"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
)

type report = func(o runtime.Object, format string, args ...any)

// podRules: a pod may do no more than it must.
var podRules = []Rule{
	{"restricted", "the namespace enforces Pod Security's restricted profile, and every pod satisfies it", func(s *set, broken report) {
		for _, n := range of[*core.Namespace](s) {
			if n.Labels["pod-security.kubernetes.io/enforce"] != "restricted" {
				broken(n, "does not enforce it")
			}
		}
		for _, w := range s.workloads {
			restricted(w, broken)
		}
	}},
	{"read-only", "no program writes into its image", everyContainer(func(c *core.Container) string {
		if c.SecurityContext == nil || !ptr.Deref(c.SecurityContext.ReadOnlyRootFilesystem, false) {
			return "its root filesystem is not read-only"
		}
		return ""
	})},
	{"no token", "no pod holds a token of the Kubernetes API", func(s *set, broken report) {
		for _, w := range s.workloads {
			if ptr.Deref(w.pod.Spec.AutomountServiceAccountToken, true) {
				broken(w, "automountServiceAccountToken is not false")
			}
		}
	}},
	{"own account", "every program of ours has a ServiceAccount meant for it", ownAccount},
	{"resources", "every container says what it needs and what it may take, of processor and memory", everyContainer(func(c *core.Container) string {
		for _, list := range []core.ResourceList{c.Resources.Requests, c.Resources.Limits} {
			if list.Cpu().IsZero() || list.Memory().IsZero() {
				return "requests and limits of cpu and memory are not all given"
			}
		}
		return ""
	})},
	{"probes", "what runs on has a startup, a readiness and a liveness probe; only readiness asks for more than life", probes},
}

// restricted is what Pod Security's profile of that name asks for.
// Source: kubernetes.io/docs/concepts/security/pod-security-standards.
func restricted(w workload, broken report) {
	pod := w.pod.Spec
	if pod.HostNetwork || pod.HostPID || pod.HostIPC {
		broken(w, "shares a namespace of its node")
	}
	if c := pod.SecurityContext; c == nil || !ptr.Deref(c.RunAsNonRoot, false) || ptr.Deref(c.RunAsUser, 0) == 0 {
		broken(w, "may run as root")
	} else if c.SeccompProfile == nil || c.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
		broken(w, "has no seccomp profile")
	}
	for _, v := range pod.Volumes {
		if v.EmptyDir == nil && v.ConfigMap == nil && v.Secret == nil && v.Projected == nil && v.PersistentVolumeClaim == nil {
			broken(w, "volume %s is of a kind that is not allowed", v.Name)
		}
	}
	for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
		x := c.SecurityContext
		switch {
		case x == nil || ptr.Deref(x.AllowPrivilegeEscalation, true) || ptr.Deref(x.Privileged, false):
			broken(w, "container %s may get more rights than it starts with", c.Name)
		case x.Capabilities == nil || !slices.Contains(x.Capabilities.Drop, "ALL") || len(x.Capabilities.Add) > 0:
			broken(w, "container %s keeps capabilities", c.Name)
		}
		for _, p := range c.Ports {
			if p.HostPort != 0 {
				broken(w, "container %s takes a port of its node", c.Name)
			}
		}
	}
}

// everyContainer makes a rule of what is wrong with one container.
func everyContainer(fault func(*core.Container) string) func(*set, report) {
	return func(s *set, broken report) {
		for _, w := range s.workloads {
			for _, c := range slices.Concat(w.pod.Spec.InitContainers, w.pod.Spec.Containers) {
				if text := fault(&c); text != "" {
					broken(w, "container %s: %s", c.Name, text)
				}
			}
		}
	}
}

func ownAccount(s *set, broken report) {
	accounts := map[string]bool{}
	for _, a := range of[*core.ServiceAccount](s) {
		accounts[a.Name] = true
		if ptr.Deref(a.AutomountServiceAccountToken, true) {
			broken(a, "its token is mounted where nobody says otherwise")
		}
	}
	for _, w := range s.workloads {
		third := nameOf(w.Object) == "StatefulSet/postgres" // an image of others, which asks for nothing
		if name := w.pod.Spec.ServiceAccountName; !third && (name == "" || name == "default" || !accounts[name]) {
			broken(w, "there is no ServiceAccount %q for it", name)
		}
	}
}

func probes(s *set, broken report) {
	for _, w := range s.workloads {
		if !w.runs {
			continue
		}
		for _, c := range w.pod.Spec.Containers {
			for name, p := range map[string]*core.Probe{"startup": c.StartupProbe, "readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
				switch {
				case p == nil:
					broken(w, "container %s has no %s probe", c.Name, name)
				case p.HTTPGet == nil: // a program asked by a command
				case !slices.ContainsFunc(c.Ports, func(port core.ContainerPort) bool { return port.Name == p.HTTPGet.Port.String() }):
					broken(w, "the %s probe asks a port that there is not", name)
				case (name == "readiness") != (p.HTTPGet.Path == "/readyz") || (name != "readiness") != (p.HTTPGet.Path == "/livez"):
					broken(w, "the %s probe asks %s", name, p.HTTPGet.Path)
				}
			}
		}
	}
}
