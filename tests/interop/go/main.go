// Sends events to a gateway with the CloudEvents SDK for Go and reads back with it what the gateway publishes to NATS.
//
// Arguments: gateway URL, NATS URL, file of events. Prints one JSON document (tests/interop/README.md).
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	cenats "github.com/cloudevents/sdk-go/protocol/nats/v2"
	cloudevents "github.com/cloudevents/sdk-go/v2"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
)

const patience = 60 * time.Second

type testCase struct {
	Name            string          `json:"name"`
	Subject         string          `json:"subject"`
	Region          string          `json:"region"`
	DataContentType string          `json:"datacontenttype"`
	JSON            json.RawMessage `json:"json"`
	Text            string          `json:"text"`
	Base64          string          `json:"base64"`
}

type sent struct {
	ID     string `json:"id"`
	Status int    `json:"status"`
}

type read struct {
	From  string            `json:"from"`
	Event cloudevents.Event `json:"event"`
}

func newEvent(c testCase, mode string) cloudevents.Event {
	event := cloudevents.NewEvent()
	event.SetID(c.Name + "-" + mode)
	event.SetSource("/interop/go")
	event.SetType("com.example." + c.Name)
	event.SetTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	if c.Subject != "" {
		event.SetSubject(c.Subject)
	}
	if c.Region != "" {
		event.SetExtension("region", c.Region)
	}
	switch {
	case c.JSON != nil:
		check(event.SetData(c.DataContentType, c.JSON))
	case c.Text != "":
		check(event.SetData(c.DataContentType, c.Text))
	case c.Base64 != "":
		data, err := base64.StdEncoding.DecodeString(c.Base64)
		check(err)
		check(event.SetData(c.DataContentType, data))
	}
	return event
}

func sendAll(url string, cases []testCase) []sent {
	ctx := cloudevents.ContextWithTarget(context.Background(), url)
	client, err := cloudevents.NewClientHTTP()
	check(err)
	var all []sent
	for _, c := range cases {
		for mode, encoding := range map[string]context.Context{
			"binary": cloudevents.WithEncodingBinary(ctx), "structured": cloudevents.WithEncodingStructured(ctx),
		} {
			var result *cehttp.Result
			status := 0
			if cloudevents.ResultAs(client.Send(encoding, newEvent(c, mode)), &result) {
				status = result.StatusCode
			}
			all = append(all, sent{c.Name + "-" + mode, status})
		}
	}
	var batch []cloudevents.Event
	for _, c := range cases {
		batch = append(batch, newEvent(c, "batch"))
	}
	request, err := cehttp.NewHTTPRequestFromEvents(ctx, url, batch)
	check(err)
	answer, err := http.DefaultClient.Do(request)
	check(err)
	answer.Body.Close()
	for _, c := range cases {
		all = append(all, sent{c.Name + "-batch", answer.StatusCode})
	}
	return all
}

func main() {
	url, server, path := os.Args[1], os.Args[2], os.Args[3]
	text, err := os.ReadFile(path)
	check(err)
	var cases []testCase
	check(json.Unmarshal(text, &cases))

	// Core NATS delivers to those who listen: first listen, then send.
	consumer, err := cenats.NewConsumer(server, "interop.go.>", cenats.NatsOptions())
	check(err)
	client, err := cloudevents.NewClient(consumer)
	check(err)
	ctx, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	received := make(chan cloudevents.Event, 1000)
	go func() {
		check(client.StartReceiver(ctx, func(event cloudevents.Event) { received <- event }))
	}()
	for !ready(consumer) {
		time.Sleep(10 * time.Millisecond)
	}

	all := sendAll(url, cases)
	wanted := 0
	for _, one := range all {
		if one.Status == http.StatusAccepted {
			wanted++
		}
	}
	found := map[string]read{}
	for len(found) < wanted {
		select {
		case event := <-received:
			found[event.ID()] = read{"nats structured", event}
		case <-ctx.Done():
			wanted = 0
		}
	}
	var back []read
	for _, one := range found {
		back = append(back, one)
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{"sent": all, "read": back}))
}

// ready is true when the server knows the subscription.
func ready(consumer *cenats.Consumer) bool {
	return consumer.Conn.NumSubscriptions() > 0 && consumer.Conn.Flush() == nil
}

func check(err error) {
	if err != nil && !strings.Contains(err.Error(), context.DeadlineExceeded.Error()) {
		log.Fatal(err)
	}
}
