// Sends events to a gateway with the CloudEvents SDK for Java, also in its Protobuf format, and reads back with it what the
// gateway delivers to Kafka.
//
// Arguments: gateway URL, Kafka brokers, file of events. Prints one JSON document (tests/interop/README.md).

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cloudevents.CloudEvent;
import io.cloudevents.core.builder.CloudEventBuilder;
import io.cloudevents.core.format.EventFormat;
import io.cloudevents.core.provider.EventFormatProvider;
import io.cloudevents.http.HttpMessageFactory;
import io.cloudevents.jackson.JsonFormat;
import io.cloudevents.kafka.CloudEventDeserializer;
import io.cloudevents.protobuf.ProtobufFormat;
import java.io.File;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

public class Client {
    static final ObjectMapper JSON = new ObjectMapper();
    static final EventFormat JSON_FORMAT = EventFormatProvider.getInstance().resolveFormat(JsonFormat.CONTENT_TYPE);
    static final Duration PATIENCE = Duration.ofSeconds(60);

    public static void main(String[] arguments) throws Exception {
        JsonNode cases = JSON.readTree(new File(arguments[2]));
        ArrayNode sent = send(arguments[0], cases);
        int wanted = 0;
        for (JsonNode one : sent) {
            wanted += one.get("status").asInt() == 202 ? 1 : 0;
        }
        ObjectNode told = JSON.createObjectNode();
        told.set("sent", sent);
        told.set("read", read(arguments[1], wanted));
        System.out.println(told);
    }

    static CloudEvent event(JsonNode one, String mode) throws Exception {
        String name = one.get("name").asText();
        CloudEventBuilder event = CloudEventBuilder.v1()
            .withId(name + "-" + mode)
            .withSource(URI.create("/interop/java"))
            .withType("com.example." + name)
            .withTime(OffsetDateTime.parse("2026-01-02T03:04:05Z"));
        if (one.has("subject")) {
            event.withSubject(one.get("subject").asText());
        }
        if (one.has("region")) {
            event.withExtension("region", one.get("region").asText());
        }
        byte[] data = null;
        if (one.has("json")) {
            data = JSON.writeValueAsBytes(one.get("json"));
        } else if (one.has("text")) {
            data = one.get("text").asText().getBytes(StandardCharsets.UTF_8);
        } else if (one.has("base64")) {
            data = Base64.getDecoder().decode(one.get("base64").asText());
        }
        return data == null ? event.build() : event.withData(one.get("datacontenttype").asText(), data).build();
    }

    static ArrayNode send(String url, JsonNode cases) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        ArrayNode sent = JSON.createArrayNode();
        List<String> batch = new ArrayList<>();
        for (JsonNode one : cases) {
            for (String mode : List.of("binary", "structured", "protobuf")) {
                HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url));
                var writer = HttpMessageFactory.createWriter(
                    request::header,
                    body -> request.POST(body == null
                        ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofByteArray(body)));
                CloudEvent event = event(one, mode);
                try {
                    switch (mode) {
                        case "binary" -> writer.writeBinary(event);
                        case "structured" -> writer.writeStructured(event, JsonFormat.CONTENT_TYPE);
                        default -> writer.writeStructured(event, ProtobufFormat.PROTO_CONTENT_TYPE);
                    }
                    note(sent, one, mode, post(client, request));
                } catch (IllegalArgumentException error) {
                    // The SDK does not percent-encode, and the client refuses what is not ASCII in a header.
                    note(sent, one, mode, 0);
                }
            }
            batch.add(new String(JSON_FORMAT.serialize(event(one, "batch")), StandardCharsets.UTF_8));
        }
        // The SDK writes no batches.
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url))
            .header("content-type", "application/cloudevents-batch+json")
            .POST(HttpRequest.BodyPublishers.ofString("[" + String.join(",", batch) + "]"));
        int status = post(client, request);
        for (JsonNode one : cases) {
            note(sent, one, "batch", status);
        }
        return sent;
    }

    static int post(HttpClient client, HttpRequest.Builder request) throws Exception {
        return client.send(request.build(), HttpResponse.BodyHandlers.discarding()).statusCode();
    }

    static void note(ArrayNode sent, JsonNode one, String mode, int status) {
        sent.addObject().put("id", one.get("name").asText() + "-" + mode).put("status", status);
    }

    static ArrayNode read(String brokers, int wanted) throws Exception {
        List<String> topics = List.of("interop.java.binary", "interop.java.structured");
        Map<String, Object> options = new HashMap<>();
        options.put("bootstrap.servers", brokers);
        options.put("group.id", "interop-java");
        options.put("auto.offset.reset", "earliest");
        options.put("metadata.max.age.ms", 500);
        ArrayNode found = JSON.createArrayNode();
        long end = System.nanoTime() + PATIENCE.toNanos();
        try (var consumer = new KafkaConsumer<>(options, new StringDeserializer(), new CloudEventDeserializer())) {
            consumer.subscribe(topics);
            while (found.size() < wanted * topics.size() && System.nanoTime() < end) {
                for (ConsumerRecord<String, CloudEvent> record : consumer.poll(Duration.ofMillis(200))) {
                    String how = record.topic().substring(record.topic().lastIndexOf('.') + 1);
                    ObjectNode one = found.addObject().put("from", "kafka " + how);
                    if (record.value() == null) {
                        // The client asks no deserializer about a null value, which is an event without data.
                        one.put("failed", "no event for a null value");
                        one.put("id", new String(record.headers().lastHeader("ce_id").value(), StandardCharsets.UTF_8));
                    } else {
                        one.set("event", JSON.readTree(JSON_FORMAT.serialize(record.value())));
                    }
                }
            }
        }
        return found;
    }
}
