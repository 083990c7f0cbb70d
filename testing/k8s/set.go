package k8s

import (
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// set is all objects of an overlay.
type set struct {
	objects   []runtime.Object
	workloads []workload
}

// workload is whatever makes pods.
type workload struct {
	runtime.Object
	pod  *core.PodTemplateSpec
	runs bool // on and on, unlike a Job
}

func newSet(objects []runtime.Object) *set {
	s := &set{objects: objects}
	for _, o := range objects {
		switch o := o.(type) {
		case *apps.Deployment:
			s.workloads = append(s.workloads, workload{o, &o.Spec.Template, true})
		case *apps.StatefulSet:
			s.workloads = append(s.workloads, workload{o, &o.Spec.Template, true})
		case *batch.Job:
			s.workloads = append(s.workloads, workload{o, &o.Spec.Template, false})
		case *batch.CronJob:
			s.workloads = append(s.workloads, workload{o, &o.Spec.JobTemplate.Spec.Template, false})
		}
	}
	return s
}

// of are the objects of one type.
func of[T runtime.Object](s *set) []T {
	var all []T
	for _, o := range s.objects {
		if o, is := o.(T); is {
			all = append(all, o)
		}
	}
	return all
}

// selects tells whether a selector takes pods with these labels.
func selects(selector *meta.LabelSelector, pod map[string]string) bool {
	s, err := meta.LabelSelectorAsSelector(selector)
	return err == nil && s.Matches(labels.Set(pod))
}
