package awsfault

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
)

// again is the messages of a queue that are to be received once more.
type again struct {
	messages []json.RawMessage
	fresh    bool // the next call goes to the queue
}

// receive answers with messages that came before or, in turn, with new ones.
func (p *Proxy) receive(r *http.Request, body []byte, most int) (code int, header http.Header, answer []byte) {
	var asked struct {
		QueueURL string `json:"QueueUrl"`
		Most     int    `json:"MaxNumberOfMessages"`
	}
	_ = json.Unmarshal(body, &asked)
	asked.Most = max(asked.Most, 1)
	if old := p.repeat(asked.QueueURL, asked.Most); len(old) > 0 {
		answer, _ = json.Marshal(map[string]any{"Messages": old})
		return http.StatusOK, http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, answer
	}
	code, header, answer = p.pass(r, body)
	var got struct{ Messages []json.RawMessage }
	if code == http.StatusOK && json.Unmarshal(answer, &got) == nil {
		p.remember(asked.QueueURL, got.Messages, most)
	}
	return code, header, answer
}

// repeat takes messages to be received again, in any order.
func (p *Proxy) repeat(queue string, most int) (old []json.RawMessage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.received[queue]
	if a == nil {
		a = &again{}
		p.received[queue] = a
	}
	a.fresh = !a.fresh
	if a.fresh {
		return nil
	}
	rand.Shuffle(len(a.messages), func(i, j int) { a.messages[i], a.messages[j] = a.messages[j], a.messages[i] })
	n := min(most, len(a.messages))
	old = slices.Clone(a.messages[:n])
	a.messages = a.messages[n:]
	return old
}

func (p *Proxy) remember(queue string, messages []json.RawMessage, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range messages {
		for range rand.IntN(most + 1) { //nolint:gosec // chance, no secret
			p.received[queue].messages = append(p.received[queue].messages, m)
		}
	}
}
