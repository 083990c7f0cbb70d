package events

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// DeadLetters is what an operator does about the messages that a queue has given up.
type DeadLetters interface {
	// Dead counts them.
	Dead(ctx context.Context) (int, error)
	// Redrive puts up to most of them back into the queue, as if they had never been received, and
	// says how many.
	Redrive(ctx context.Context, most int) (int, error)
}

// Sink keeps events for a consumer.
type Sink interface {
	// Put returns when all are durable. An event that is kept already is kept once.
	Put(ctx context.Context, es []Event) error
}

// Bus is a topic within one process: what SNS is between many. The zero value has no subscriber.
type Bus struct {
	mu    sync.RWMutex
	sinks map[string]Sink
}

// Subscribe has the events of a target put into a sink.
func (b *Bus) Subscribe(target string, s Sink) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sinks == nil {
		b.sinks = map[string]Sink{}
	}
	b.sinks[target] = s
}

// Publish implements Publisher. An event whose target has not subscribed yet stays unpublished.
func (b *Bus) Publish(ctx context.Context, es []Event) (published []string, err error) {
	targets, order := map[string][]Event{}, []string{}
	for _, e := range es {
		target := Targets[e.Type]
		if _, seen := targets[target]; !seen {
			order = append(order, target)
		}
		targets[target] = append(targets[target], e)
	}
	var errs []error
	for _, target := range order {
		if err := b.put(ctx, target, targets[target]); err != nil {
			errs = append(errs, err)
			continue
		}
		for _, e := range targets[target] {
			published = append(published, e.ID)
		}
	}
	return published, errors.Join(errs...)
}

func (b *Bus) put(ctx context.Context, target string, es []Event) error {
	b.mu.RLock()
	sink := b.sinks[target]
	b.mu.RUnlock()
	if sink == nil {
		return fmt.Errorf("nobody takes the events of target %q", target)
	}
	return sink.Put(ctx, es)
}
