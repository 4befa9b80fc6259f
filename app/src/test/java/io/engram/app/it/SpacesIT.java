package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import io.engram.schemas.Lane;
import io.engram.schemas.Observation;
import io.engram.schemas.Operation;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The list of spaces over several partitions, page by page. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SpacesIT {
    private static final int SPACES = 230;

    private final TreeSet<String> names = new TreeSet<>();
    private Instance instance;

    @BeforeAll
    void start(@TempDir Path stateDir) throws InterruptedException {
        instance = Instance.start("spaces", stateDir, "partitions=4");
        for (int i = 0; i < SPACES; i++) {
            String space = (i % 2 == 0 ? "user-" : "Agent.") + i;
            names.add(space);
            instance.send(Lane.NORMAL, space, Observation.observe("s", 1, "c", new float[] {1, i}));
        }
        instance.send(Lane.NORMAL, "gone", Observation.observe("s", 1, "c", new float[] {1, 0}));
        instance.send(Lane.NORMAL, "gone", Observation.of(Operation.DROP, "s", 2));
        instance.flush();
        instance.awaitMemories(SPACES);
        await().atMost(Duration.ofSeconds(30))
                .until(() -> !page("?limit=1000").path("partial").asBoolean());
    }

    @AfterAll
    void stop() {
        instance.close();
    }

    private JsonNode page(String query) {
        HttpResponse<String> answer = instance.get("/v1/spaces" + query);
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return Instance.json(answer);
    }

    private static List<String> names(JsonNode page) {
        return page.path("spaces").findValuesAsText("space");
    }

    @Test
    void shouldPageOverAllPartitionsInOrderOfName() {
        List<String> seen = new ArrayList<>();
        String after = "";
        do {
            JsonNode page = page("?limit=7&after=" + after);
            assertThat(page.path("spaces").size()).isLessThanOrEqualTo(7);
            seen.addAll(names(page));
            after = page.path("next").asText();
        } while (!after.isEmpty());

        assertThat(seen).containsExactlyElementsOf(names);
    }

    @Test
    void shouldListAHundredUnlessAskedForMore() {
        JsonNode page = page("");
        assertThat(names(page))
                .containsExactlyElementsOf(names.stream().limit(100).toList());
        assertThat(page.path("next").asText()).isEqualTo(names(page).get(99));
        assertThat(page.path("partitions")).hasSize(4);

        JsonNode all = page("?limit=1000");
        assertThat(names(all)).containsExactlyElementsOf(names);
        assertThat(all.has("next")).isFalse();
        assertThat(all.path("spaces").findValues("count")).allMatch(count -> count.asInt() == 1);
    }

    @Test
    void shouldKeepToThePrefix() {
        assertThat(names(page("?limit=1000&prefix=user-")))
                .containsExactlyElementsOf(names.tailSet("user-"))
                .hasSize(SPACES / 2);
        assertThat(names(page("?prefix=user-22&after=user-22")))
                .containsExactly("user-220", "user-222", "user-224", "user-226", "user-228");
        assertThat(names(page("?prefix=gone"))).isEmpty();
        assertThat(names(page("?prefix=user-22&after=v"))).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "?limit=0,limit must be 1 to 1000",
        "?limit=1001,got 1001",
        "?limit=x,limit must be a whole number",
        "?prefix=a%00,prefix must be at most 128 characters",
        "?after=%C3%A4,after must be",
        "?limit=1&limit=2,limit is there 2 times",
        "?from=a,unknown query parameter 'from'"
    })
    void shouldNameWhatIsWrong(String query, String detail) {
        HttpResponse<String> answer = instance.get("/v1/spaces" + query);

        assertThat(answer.statusCode()).isEqualTo(400);
        assertThat(Instance.json(answer).path("detail").asText()).contains(detail);
    }
}
