package events_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/micropay/micropay/shared/events"
)

func event() events.Event {
	return events.Event{
		ID: "019c5a00-0000-7000-8000-000000000001", Type: events.TransferPosted, Source: "/micropay/transaction",
		Subject: "019c5a00-0000-7000-8000-000000000002", Sequence: 7, Key: "wallet-1",
		Time: time.Date(2026, 5, 1, 12, 0, 0, 123456000, time.UTC), Data: json.RawMessage(`{"amount":1050}`),
	}
}

// cloudevents.io, JSON format 1.0.2, with the extensions sequence and partitionkey.
func TestEvent_IsACloudEvent(t *testing.T) {
	t.Parallel()
	body, err := json.Marshal(event())
	require.NoError(t, err)
	require.JSONEq(t, `{"specversion":"1.0","id":"019c5a00-0000-7000-8000-000000000001","type":"micropay.transfer.posted.v1",
		"source":"/micropay/transaction","subject":"019c5a00-0000-7000-8000-000000000002","time":"2026-05-01T12:00:00.123456Z",
		"datacontenttype":"application/json","sequence":"7","partitionkey":"wallet-1","target":"auth","data":{"amount":1050}}`, string(body))
	again, err := events.Parse(body)
	require.NoError(t, err)
	require.Equal(t, event(), again)
}

func TestParse_RefusesWhatIsNoEventOfOurs(t *testing.T) {
	t.Parallel()
	body, err := json.Marshal(event())
	require.NoError(t, err)
	good := string(body)
	for name, bad := range map[string]string{
		"nothing": "", "no JSON": "{", "a list": "[]", "two values": good + "{}", "another version": strings.Replace(good, `"1.0"`, `"0.3"`, 1),
		"no id": strings.Replace(good, event().ID, "", 1), "no UUID": strings.Replace(good, event().ID, "1", 1),
		"no type": strings.Replace(good, events.TransferPosted, "", 1), "no data": strings.Replace(good, `{"amount":1050}`, "null", 1),
		"data is a list": strings.Replace(good, `{"amount":1050}`, "[]", 1), "no time": strings.Replace(good, "2026-05-01T", "yesterday", 1),
		"a sequence of letters": strings.Replace(good, `"sequence":"7"`, `"sequence":"x"`, 1), "no sequence": strings.Replace(good, `"7"`, `"0"`, 1),
		"bad UTF-8": strings.Replace(good, "wallet-1", "wallet-\xff", 1), "no source": strings.Replace(good, "/micropay/transaction", "", 1),
		"too long": strings.Replace(good, `{"amount":1050}`, `{"a":"`+strings.Repeat("x", events.MaxBytes)+`"}`, 1),
	} {
		_, err := events.Parse([]byte(bad))
		require.ErrorIs(t, err, events.ErrMalformed, name)
		require.Less(t, len(err.Error()), 300, "a reason, not the message: %s", name)
	}
	_, err = events.Parse([]byte(strings.Replace(good, "{", `{"traceparent":"00-1-2-01",`, 1)))
	require.NoError(t, err, "extensions that are not known are let be")
}

func TestDecode_ReadsDataStrictly(t *testing.T) {
	t.Parallel()
	var data struct {
		Amount int64 `json:"amount"`
	}
	require.NoError(t, event().Decode(&data))
	require.EqualValues(t, 1050, data.Amount)
	e := event()
	e.Data = json.RawMessage(`{"amount":"1050"}`)
	require.ErrorIs(t, e.Decode(&data), events.ErrMalformed)
}
