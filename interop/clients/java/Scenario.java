import com.google.api.gax.core.NoCredentialsProvider;
import com.google.api.gax.grpc.InstantiatingGrpcChannelProvider;
import com.google.api.gax.httpjson.InstantiatingHttpJsonChannelProvider;
import com.google.api.gax.rpc.ApiException;
import com.google.api.gax.rpc.StatusCode;
import com.google.api.gax.rpc.TransportChannelProvider;
import com.google.cloud.location.GetLocationRequest;
import com.google.cloud.location.ListLocationsRequest;
import com.google.cloud.scheduler.v1.CloudSchedulerClient;
import com.google.cloud.scheduler.v1.CloudSchedulerSettings;
import com.google.cloud.scheduler.v1.HttpTarget;
import com.google.cloud.scheduler.v1.Job;
import com.google.cloud.scheduler.v1.ListJobsRequest;
import com.google.cloud.scheduler.v1.PubsubTarget;
import com.google.cloud.tasks.v2.CloudTasksClient;
import com.google.cloud.tasks.v2.CloudTasksSettings;
import com.google.cloud.tasks.v2.GetTaskRequest;
import com.google.cloud.tasks.v2.HttpMethod;
import com.google.cloud.tasks.v2.HttpRequest;
import com.google.cloud.tasks.v2.ListQueuesRequest;
import com.google.cloud.tasks.v2.ListTasksRequest;
import com.google.cloud.tasks.v2.Queue;
import com.google.cloud.tasks.v2.RateLimits;
import com.google.cloud.tasks.v2.Task;
import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.iam.v1.Binding;
import com.google.iam.v1.GetIamPolicyRequest;
import com.google.iam.v1.Policy;
import com.google.iam.v1.SetIamPolicyRequest;
import com.google.iam.v1.TestIamPermissionsRequest;
import com.google.protobuf.ByteString;
import com.google.protobuf.FieldMask;
import io.grpc.ManagedChannelBuilder;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** The scenario by Google's clients in Java: {@code java Scenario grpc|rest ADDRESS PROJECT RECEIVER}. */
public final class Scenario {
  private static final String BODY = "{\"text\": \"grüße 🙂\"}";
  private static final String DAILY = "0 9 * * *";
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final CloudTasksClient tasks;
  private final CloudSchedulerClient jobs;
  private final String transport;
  private final String address;
  private final String project;
  private final String receiver;
  private final HttpClient http = HttpClient.newBuilder().connectTimeout(PATIENCE).build();
  private final Map<String, Check> checks = new LinkedHashMap<>();

  private interface Check {
    void run() throws Exception;
  }

  private interface Call {
    Object make() throws Exception;
  }

  private Scenario(String[] arguments) throws Exception {
    transport = arguments[0];
    address = arguments[1];
    project = arguments[2];
    receiver = arguments[3];
    CloudTasksSettings.Builder ofTasks =
        isRest() ? CloudTasksSettings.newHttpJsonBuilder() : CloudTasksSettings.newBuilder();
    CloudSchedulerSettings.Builder ofJobs =
        isRest() ? CloudSchedulerSettings.newHttpJsonBuilder() : CloudSchedulerSettings.newBuilder();
    ofTasks.setTransportChannelProvider(channel()).setCredentialsProvider(NoCredentialsProvider.create());
    ofJobs.setTransportChannelProvider(channel()).setCredentialsProvider(NoCredentialsProvider.create());
    tasks = CloudTasksClient.create(ofTasks.build());
    jobs = CloudSchedulerClient.create(ofJobs.build());
    queues();
    tasks();
    others();
    jobs();
  }

  private void queues() {
    checks.put("create-queue", () -> {
      Queue queue = queue("created", "q");
      expect(queue.getName(), location("created") + "/queues/q");
      expect(queue.getState(), Queue.State.RUNNING);
      expect(queue.getRateLimits().getMaxDispatchesPerSecond(), 500.0);
      expect(queue.getRateLimits().getMaxConcurrentDispatches(), 1000);
      expect(queue.getRetryConfig().getMaxAttempts(), 100);
      expect(queue.getRetryConfig().getMinBackoff().getNanos(), 100_000_000);
    });
    checks.put("create-queue-twice", () -> {
      queue("twice", "q");
      refused(StatusCode.Code.ALREADY_EXISTS, "Queue already exists", () -> queue("twice", "q"));
    });
    checks.put("get-queue", () -> {
      String name = queue("got", "q").getName();
      expect(tasks.getQueue(name).getName(), name);
      refused(StatusCode.Code.NOT_FOUND, "", () -> tasks.getQueue(name + "-not"));
    });
    checks.put("list-queues", () -> {
      List<String> names = new ArrayList<>();
      for (String id : List.of("a", "b", "c")) {
        names.add(queue("listed", id).getName());
      }
      ListQueuesRequest request =
          ListQueuesRequest.newBuilder().setParent(location("listed")).setPageSize(2).build();
      expect(stream(tasks.listQueues(request).iterateAll()).map(Queue::getName).toList(), names);
    });
    checks.put("filter-queues", () -> {
      queue("filtered", "runs");
      String name = paused("filtered", "paused");
      ListQueuesRequest request =
          ListQueuesRequest.newBuilder().setParent(location("filtered")).setFilter("state: PAUSED").build();
      expect(stream(tasks.listQueues(request).iterateAll()).map(Queue::getName).toList(), List.of(name));
    });
    checks.put("update-queue", () -> {
      RateLimits limits = RateLimits.newBuilder().setMaxDispatchesPerSecond(7.5).build();
      Queue queue = Queue.newBuilder().setName(queue("updated", "q").getName()).setRateLimits(limits).build();
      Queue updated = tasks.updateQueue(queue, mask("rate_limits.max_dispatches_per_second"));
      expect(updated.getRateLimits().getMaxDispatchesPerSecond(), 7.5);
      expect(updated.getRateLimits().getMaxConcurrentDispatches(), 1000);
    });
    checks.put("pause-queue", () -> {
      String name = queue("pausing", "q").getName();
      expect(tasks.pauseQueue(name).getState(), Queue.State.PAUSED);
      expect(tasks.resumeQueue(name).getState(), Queue.State.RUNNING);
    });
    checks.put("purge-queue", () -> {
      String queue = paused("purged", "q");
      tasks.createTask(queue, task("none").build());
      tasks.purgeQueue(queue);
      expect(namesOfTasks(queue), List.of());
    });
    checks.put("delete-queue", () -> {
      String name = queue("deleted", "q").getName();
      tasks.deleteQueue(name);
      refused(StatusCode.Code.NOT_FOUND, "", () -> tasks.getQueue(name));
      refused(StatusCode.Code.FAILED_PRECONDITION, "existed too recently", () -> queue("deleted", "q"));
    });
  }

  private void tasks() {
    checks.put("create-task", () -> {
      String queue = paused("tasks", "q");
      Task task = tasks.createTask(queue, task("none").build());
      expect(task.getName().startsWith(queue + "/tasks/"), true);
      expect(task.getHttpRequest().getBody().isEmpty(), true);
      expect(task.hasScheduleTime(), true);
    });
    checks.put("task-views", () -> {
      String name = tasks.createTask(paused("views", "q"), task("none").build()).getName();
      expect(tasks.getTask(name).getHttpRequest().getBody().isEmpty(), true);
      GetTaskRequest full = GetTaskRequest.newBuilder().setName(name).setResponseView(Task.View.FULL).build();
      expect(tasks.getTask(full).getHttpRequest().getBody().toStringUtf8(), BODY);
    });
    checks.put("list-tasks", () -> {
      String queue = paused("list-tasks", "q");
      List<String> names = new ArrayList<>();
      for (int number = 0; number < 5; number++) {
        names.add(tasks.createTask(queue, task("none").build()).getName());
      }
      expect(namesOfTasks(queue), names.stream().sorted().toList());
    });
    checks.put("create-task-twice", () -> {
      String queue = paused("named", "q");
      Task named = task("none").setName(queue + "/tasks/t").build();
      tasks.createTask(queue, named);
      refused(StatusCode.Code.ALREADY_EXISTS, "", () -> tasks.createTask(queue, named));
      tasks.deleteTask(named.getName());
      refused(StatusCode.Code.ALREADY_EXISTS, "", () -> tasks.createTask(queue, named));
    });
    checks.put("delete-task", () -> {
      String name = tasks.createTask(paused("delete-task", "q"), task("none").build()).getName();
      tasks.deleteTask(name);
      refused(StatusCode.Code.NOT_FOUND, "", () -> tasks.getTask(name));
    });
    checks.put("deliver-task", () -> {
      Task task = tasks.createTask(queue("delivered", "q").getName(), task("delivered").build());
      JsonObject came = seen("delivered");
      JsonObject headers = came.getAsJsonObject("headers");
      expect(came.get("method").getAsString(), "PUT");
      expect(came.get("body").getAsString(), BODY);
      expect(headers.get("x-own").getAsString(), "ours");
      expect(headers.get("x-cloudtasks-queuename").getAsString(), "q");
      expect(task.getName().endsWith("/tasks/" + headers.get("x-cloudtasks-taskname").getAsString()), true);
      expect(headers.get("x-cloudtasks-taskretrycount").getAsString(), "0");
    });
    checks.put("run-task", () -> {
      Task task = tasks.createTask(paused("run", "q"), task("run").build());
      tasks.runTask(task.getName());
      expect(seen("run").get("body").getAsString(), BODY);
    });
    for (String absent : List.of("batch-create", "batch-delete", "get-operation", "cmek-config")) {
      checks.put(absent, null);
    }
  }

  private void others() {
    checks.put("error-details", () -> {
      ApiException error =
          refused(
              StatusCode.Code.INVALID_ARGUMENT,
              "can contain only letters",
              () -> tasks.getQueue(location("details") + "/queues/bad_id"));
      expect(
          error.getErrorDetails().getHelp().getLinks(0).getDescription(), "Definition of queue ID");
    });
    checks.put("list-locations", () -> {
      queue("locations", "q");
      ListLocationsRequest request = ListLocationsRequest.newBuilder().setName("projects/" + project).build();
      List<String> ids =
          stream(tasks.listLocations(request).iterateAll()).map(found -> found.getLocationId()).toList();
      expect(ids.contains("locations"), true);
    });
    checks.put("get-location", () -> {
      GetLocationRequest request = GetLocationRequest.newBuilder().setName(location("located")).build();
      expect(tasks.getLocation(request).getName(), location("located"));
      expect(tasks.getLocation(request).getLocationId(), "located");
    });
    checks.put("iam-policy", () -> {
      String queue = queue("policy", "q").getName();
      Binding binding =
          Binding.newBuilder().setRole("roles/cloudtasks.enqueuer").addMembers("user:a@b.example").build();
      Policy policy = Policy.newBuilder().addBindings(binding).build();
      tasks.setIamPolicy(SetIamPolicyRequest.newBuilder().setResource(queue).setPolicy(policy).build());
      Policy found = tasks.getIamPolicy(GetIamPolicyRequest.newBuilder().setResource(queue).build());
      expect(found.getBindingsList(), List.of(binding));
    });
    checks.put("iam-permissions", () -> {
      String queue = queue("permissions", "q").getName();
      List<String> asked = List.of("cloudtasks.tasks.run", "cloudtasks.queues.get");
      TestIamPermissionsRequest request =
          TestIamPermissionsRequest.newBuilder().setResource(queue).addAllPermissions(asked).build();
      List<String> found = List.copyOf(tasks.testIamPermissions(request).getPermissionsList());
      expect(found, asked.stream().sorted().toList());
    });
  }

  private void jobs() {
    checks.put("create-job", () -> {
      Job job = job("job", "j", "none", DAILY);
      expect(job.getName(), location("job") + "/jobs/j");
      expect(job.getState(), Job.State.ENABLED);
      expect(job.hasScheduleTime(), true);
    });
    checks.put("create-job-twice", () -> {
      job("job-twice", "j", "none", DAILY);
      refused(StatusCode.Code.ALREADY_EXISTS, "", () -> job("job-twice", "j", "none", DAILY));
    });
    checks.put("list-jobs", () -> {
      List<String> names = new ArrayList<>();
      for (String id : List.of("a", "b", "c")) {
        names.add(job("jobs", id, "none", DAILY).getName());
      }
      ListJobsRequest request = ListJobsRequest.newBuilder().setParent(location("jobs")).setPageSize(2).build();
      expect(stream(jobs.listJobs(request).iterateAll()).map(Job::getName).sorted().toList(), names);
    });
    checks.put("update-job", () -> {
      Job job = job("update-job", "j", "none", DAILY);
      Job changed = Job.newBuilder().setName(job.getName()).setSchedule("0 7 * * *").build();
      Job updated = jobs.updateJob(changed, mask("schedule"));
      expect(updated.getSchedule(), "0 7 * * *");
      expect(updated.getHttpTarget().getUri(), job.getHttpTarget().getUri());
    });
    checks.put("pause-job", () -> {
      String name = job("pause-job", "j", "none", DAILY).getName();
      expect(jobs.pauseJob(name).getState(), Job.State.PAUSED);
      expect(jobs.resumeJob(name).getState(), Job.State.ENABLED);
    });
    checks.put("run-job", () -> {
      jobs.runJob(job("run-job", "j", "job", DAILY).getName());
      JsonObject came = seen("job");
      expect(came.get("method").getAsString(), "POST");
      expect(came.get("body").getAsString(), BODY);
      expect(came.getAsJsonObject("headers").get("x-cloudscheduler").getAsString(), "true");
    });
    checks.put("publish-job", () -> {
      String topic = "projects/" + project + "/topics/t";
      PubsubTarget target =
          PubsubTarget.newBuilder().setTopicName(topic).setData(bytes()).putAttributes("a", "b").build();
      String name = location("publish") + "/jobs/j";
      Job job = Job.newBuilder().setName(name).setSchedule(DAILY).setPubsubTarget(target).build();
      jobs.createJob(location("publish"), job);
      jobs.runJob(name);
      JsonObject message = published(topic);
      byte[] data = Base64.getDecoder().decode(message.get("data").getAsString());
      expect(new String(data, StandardCharsets.UTF_8), BODY);
      expect(message.getAsJsonObject("attributes").get("a").getAsString(), "b");
    });
    checks.put("delete-job", () -> {
      String name = job("delete-job", "j", "none", DAILY).getName();
      jobs.deleteJob(name);
      refused(StatusCode.Code.NOT_FOUND, "", () -> jobs.getJob(name));
    });
    checks.put("refuse-job", () ->
      refused(StatusCode.Code.INVALID_ARGUMENT, "", () -> job("refused", "j", "none", "often")));
  }

  private boolean isRest() {
    return transport.equals("rest");
  }

  private TransportChannelProvider channel() {
    if (isRest()) {
      return InstantiatingHttpJsonChannelProvider.newBuilder().setEndpoint("http://" + address).build();
    }
    return InstantiatingGrpcChannelProvider.newBuilder()
        .setEndpoint(address)
        .setChannelConfigurator(ManagedChannelBuilder::usePlaintext)
        .build();
  }

  /** Each check has a location of its own. */
  private String location(String id) {
    return "projects/" + project + "/locations/" + id;
  }

  private Queue queue(String in, String id) {
    return tasks.createQueue(location(in), Queue.newBuilder().setName(location(in) + "/queues/" + id).build());
  }

  /** The name of a queue from which nothing is sent. */
  private String paused(String in, String id) {
    return tasks.pauseQueue(queue(in, id).getName()).getName();
  }

  private Task.Builder task(String token) {
    HttpRequest request =
        HttpRequest.newBuilder()
            .setUrl(receiver + "/task/" + project + "-" + token)
            .setHttpMethod(HttpMethod.PUT)
            .putHeaders("Content-Type", "application/json")
            .putHeaders("X-Own", "ours")
            .setBody(bytes())
            .build();
    return Task.newBuilder().setHttpRequest(request);
  }

  private List<String> namesOfTasks(String queue) {
    ListTasksRequest request = ListTasksRequest.newBuilder().setParent(queue).setPageSize(2).build();
    return stream(tasks.listTasks(request).iterateAll()).map(Task::getName).sorted().toList();
  }

  private Job job(String in, String id, String token, String schedule) {
    HttpTarget target =
        HttpTarget.newBuilder()
            .setUri(receiver + "/task/" + project + "-" + token)
            .setHttpMethod(com.google.cloud.scheduler.v1.HttpMethod.POST)
            .setBody(bytes())
            .build();
    Job job =
        Job.newBuilder()
            .setName(location(in) + "/jobs/" + id)
            .setSchedule(schedule)
            .setTimeZone("Europe/Berlin")
            .setHttpTarget(target)
            .build();
    return jobs.createJob(location(in), job);
  }

  /** The first request that came with this token. */
  private JsonObject seen(String token) throws Exception {
    return fetch(receiver + "/seen/" + project + "-" + token).get(0).getAsJsonObject();
  }

  /** The first message of the topic, once it is there. */
  private JsonObject published(String topic) throws Exception {
    for (int number = 0; number < 1000; number++) {
      for (JsonElement one : fetch("http://" + address + "/published")) {
        if (one.getAsJsonObject().get("topic").getAsString().equals(topic)) {
          return one.getAsJsonObject().getAsJsonObject("message");
        }
      }
    }
    throw new AssertionError("nothing was published to " + topic);
  }

  private JsonArray fetch(String url) throws Exception {
    java.net.http.HttpRequest request =
        java.net.http.HttpRequest.newBuilder(URI.create(url)).timeout(PATIENCE).build();
    return JsonParser.parseString(http.send(request, HttpResponse.BodyHandlers.ofString()).body()).getAsJsonArray();
  }

  private static ByteString bytes() {
    return ByteString.copyFromUtf8(BODY);
  }

  private static FieldMask mask(String path) {
    return FieldMask.newBuilder().addPaths(path).build();
  }

  private static <T> Stream<T> stream(Iterable<T> found) {
    return StreamSupport.stream(found.spliterator(), false);
  }

  private static void expect(Object found, Object expected) {
    if (!Objects.equals(found, expected)) {
      throw new AssertionError("expected " + expected + ", not " + found);
    }
  }

  /** The error of a call, which has this code and this text in its message. */
  private ApiException refused(StatusCode.Code code, String text, Call call) throws Exception {
    Object answer;
    try {
      answer = call.make();
    } catch (ApiException error) {
      StatusCode.Code found = error.getStatusCode().getCode();
      // Over REST, this library goes by the status of HTTP, of which one is for several codes.
      boolean isThat = found == code || isRest() && code.getHttpStatusCode() == found.getHttpStatusCode();
      if (!isThat || !error.getMessage().contains(text)) {
        throw new AssertionError("expected " + code + " and '" + text + "', not " + error, error);
      }
      return error;
    }
    throw new AssertionError("expected " + code + ", not " + answer);
  }

  private void run(PrintStream output) {
    checks.forEach((name, check) -> {
      Map<String, String> said = new LinkedHashMap<>(Map.of("check", name));
      if (check == null) {
        said.put("absent", "this version of the library does not have it");
      } else {
        said.put("problem", "");
        try {
          check.run();
        } catch (Throwable problem) {
          said.put("problem", problem.toString());
        }
      }
      output.println(new Gson().toJson(said));
    });
    output.flush();
  }

  public static void main(String[] arguments) throws Exception {
    new Scenario(arguments).run(new PrintStream(System.out, true, StandardCharsets.UTF_8));
    System.exit(0);
  }
}
