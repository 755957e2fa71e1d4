// The scenario by Google's clients in Go: scenario grpc|rest ADDRESS PROJECT RECEIVER.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/cloudtasks/apiv2"
	pb "cloud.google.com/go/cloudtasks/apiv2/cloudtaskspb"
	"cloud.google.com/go/iam/apiv1/iampb"
	"cloud.google.com/go/longrunning/autogen/longrunningpb"
	"cloud.google.com/go/scheduler/apiv1"
	jobspb "cloud.google.com/go/scheduler/apiv1/schedulerpb"
	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
	locationpb "google.golang.org/genproto/googleapis/cloud/location"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

const body = `{"text": "grüße 🙂"}`

var (
	ctx                                   = context.Background()
	transport, address, project, receiver string
	tasks                                 *cloudtasks.Client
	jobs                                  *scheduler.CloudSchedulerClient
)

var checks = map[string]func(){
	"create-queue": func() {
		queue := must(newQueue("created", "q"))
		expect(queue.Name, location("created")+"/queues/q")
		expect(queue.State, pb.Queue_RUNNING)
		expect(queue.RateLimits.MaxDispatchesPerSecond, 500.0)
		expect(queue.RateLimits.MaxConcurrentDispatches, int32(1000))
		expect(queue.RetryConfig.MaxAttempts, int32(100))
		expect(queue.RetryConfig.MinBackoff.AsDuration(), 100*time.Millisecond)
	},
	"create-queue-twice": func() {
		must(newQueue("twice", "q"))
		_, err := newQueue("twice", "q")
		refused(err, codes.AlreadyExists, "Queue already exists")
	},
	"get-queue": func() {
		name := must(newQueue("got", "q")).Name
		expect(must(tasks.GetQueue(ctx, &pb.GetQueueRequest{Name: name})).Name, name)
		_, err := tasks.GetQueue(ctx, &pb.GetQueueRequest{Name: name + "-not"})
		refused(err, codes.NotFound, "")
	},
	"list-queues": func() {
		var names []string
		for _, id := range []string{"a", "b", "c"} {
			names = append(names, must(newQueue("listed", id)).Name)
		}
		found := tasks.ListQueues(ctx, &pb.ListQueuesRequest{Parent: location("listed"), PageSize: 2})
		expect(fmt.Sprint(all(found.Next, (*pb.Queue).GetName)), fmt.Sprint(names))
	},
	"filter-queues": func() {
		must(newQueue("filtered", "runs"))
		name := paused("filtered", "paused")
		found := tasks.ListQueues(ctx, &pb.ListQueuesRequest{Parent: location("filtered"), Filter: "state: PAUSED"})
		expect(fmt.Sprint(all(found.Next, (*pb.Queue).GetName)), fmt.Sprint([]string{name}))
	},
	"update-queue": func() {
		queue := &pb.Queue{
			Name:       must(newQueue("updated", "q")).Name,
			RateLimits: &pb.RateLimits{MaxDispatchesPerSecond: 7.5},
		}
		mask := &fieldmaskpb.FieldMask{Paths: []string{"rate_limits.max_dispatches_per_second"}}
		updated := must(tasks.UpdateQueue(ctx, &pb.UpdateQueueRequest{Queue: queue, UpdateMask: mask}))
		expect(updated.RateLimits.MaxDispatchesPerSecond, 7.5)
		expect(updated.RateLimits.MaxConcurrentDispatches, int32(1000))
	},
	"pause-queue": func() {
		name := must(newQueue("pausing", "q")).Name
		expect(must(tasks.PauseQueue(ctx, &pb.PauseQueueRequest{Name: name})).State, pb.Queue_PAUSED)
		expect(must(tasks.ResumeQueue(ctx, &pb.ResumeQueueRequest{Name: name})).State, pb.Queue_RUNNING)
	},
	"purge-queue": func() {
		queue := paused("purged", "q")
		must(newTask(queue, "", "none"))
		must(tasks.PurgeQueue(ctx, &pb.PurgeQueueRequest{Name: queue}))
		expect(len(namesOfTasks(queue)), 0)
	},
	"delete-queue": func() {
		name := must(newQueue("deleted", "q")).Name
		done(tasks.DeleteQueue(ctx, &pb.DeleteQueueRequest{Name: name}))
		_, err := tasks.GetQueue(ctx, &pb.GetQueueRequest{Name: name})
		refused(err, codes.NotFound, "")
		_, err = newQueue("deleted", "q")
		refused(err, codes.FailedPrecondition, "existed too recently")
	},
	"create-task": func() {
		queue := paused("tasks", "q")
		task := must(newTask(queue, "", "none"))
		expect(strings.HasPrefix(task.Name, queue+"/tasks/"), true)
		expect(len(task.GetHttpRequest().Body), 0)
		expect(task.ScheduleTime != nil, true)
	},
	"task-views": func() {
		name := must(newTask(paused("views", "q"), "", "none")).Name
		basic := must(tasks.GetTask(ctx, &pb.GetTaskRequest{Name: name}))
		expect(len(basic.GetHttpRequest().Body), 0)
		full := must(tasks.GetTask(ctx, &pb.GetTaskRequest{Name: name, ResponseView: pb.Task_FULL}))
		expect(string(full.GetHttpRequest().Body), body)
	},
	"list-tasks": func() {
		queue := paused("list-tasks", "q")
		var names []string
		for range 5 {
			names = append(names, must(newTask(queue, "", "none")).Name)
		}
		slices.Sort(names)
		expect(fmt.Sprint(namesOfTasks(queue)), fmt.Sprint(names))
	},
	"create-task-twice": func() {
		queue := paused("named", "q")
		name := queue + "/tasks/t"
		must(newTask(queue, name, "none"))
		_, err := newTask(queue, name, "none")
		refused(err, codes.AlreadyExists, "")
		done(tasks.DeleteTask(ctx, &pb.DeleteTaskRequest{Name: name}))
		_, err = newTask(queue, name, "none")
		refused(err, codes.AlreadyExists, "")
	},
	"delete-task": func() {
		name := must(newTask(paused("delete-task", "q"), "", "none")).Name
		done(tasks.DeleteTask(ctx, &pb.DeleteTaskRequest{Name: name}))
		_, err := tasks.GetTask(ctx, &pb.GetTaskRequest{Name: name})
		refused(err, codes.NotFound, "")
	},
	"deliver-task": func() {
		task := must(newTask(must(newQueue("delivered", "q")).Name, "", "delivered"))
		came := seen("delivered")
		expect(came.Method, "PUT")
		expect(came.Body, body)
		expect(came.Headers["x-own"], "ours")
		expect(came.Headers["x-cloudtasks-queuename"], "q")
		expect(came.Headers["x-cloudtasks-taskname"], task.Name[strings.LastIndex(task.Name, "/")+1:])
		expect(came.Headers["x-cloudtasks-taskretrycount"], "0")
	},
	"run-task": func() {
		task := must(newTask(paused("run", "q"), "", "run"))
		must(tasks.RunTask(ctx, &pb.RunTaskRequest{Name: task.Name}))
		expect(seen("run").Body, body)
	},
	"batch-create": func() {
		queue := paused("batch", "q")
		operation := batch(queue, "a", "b", "c")
		made := must(operation.Wait(ctx))
		expect(operation.Done(), true)
		expect(len(made.Tasks), 3)
		expect(len(namesOfTasks(queue)), 3)
	},
	"batch-delete": func() {
		queue := paused("batch-delete", "q")
		batch(queue, "a", "b", "c")
		names := []string{queue + "/tasks/a", queue + "/tasks/b"}
		operation := must(tasks.BatchDeleteTasks(ctx, &pb.BatchDeleteTasksRequest{Parent: queue, Names: names}))
		done(operation.Wait(ctx))
		expect(fmt.Sprint(namesOfTasks(queue)), fmt.Sprint([]string{queue + "/tasks/c"}))
	},
	"get-operation": func() {
		name := batch(paused("operation", "q"), "a").Name()
		found := must(tasks.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name}))
		expect(found.Name, name)
		expect(found.Done, true)
	},
	"error-details": func() {
		_, err := tasks.GetQueue(ctx, &pb.GetQueueRequest{Name: location("details") + "/queues/bad_id"})
		refused(err, codes.InvalidArgument, "can contain only letters")
		var failure *apierror.APIError
		expect(errors.As(err, &failure), true)
		expect(failure.Details().Help != nil, true)
		expect(failure.Details().Help.Links[0].Description, "Definition of queue ID")
	},
	"list-locations": func() {
		must(newQueue("locations", "q"))
		found := tasks.ListLocations(ctx, &locationpb.ListLocationsRequest{Name: "projects/" + project})
		expect(slices.Contains(all(found.Next, (*locationpb.Location).GetLocationId), "locations"), true)
	},
	"get-location": func() {
		found := must(tasks.GetLocation(ctx, &locationpb.GetLocationRequest{Name: location("located")}))
		expect(found.Name, location("located"))
		expect(found.LocationId, "located")
	},
	"iam-policy": func() {
		queue := must(newQueue("policy", "q")).Name
		binding := &iampb.Binding{Role: "roles/cloudtasks.enqueuer", Members: []string{"user:a@b.example"}}
		policy := &iampb.Policy{Bindings: []*iampb.Binding{binding}}
		must(tasks.SetIamPolicy(ctx, &iampb.SetIamPolicyRequest{Resource: queue, Policy: policy}))
		found := must(tasks.GetIamPolicy(ctx, &iampb.GetIamPolicyRequest{Resource: queue}))
		expect(len(found.Bindings), 1)
		expect(found.Bindings[0].Role, binding.Role)
		expect(fmt.Sprint(found.Bindings[0].Members), fmt.Sprint(binding.Members))
	},
	"iam-permissions": func() {
		queue := must(newQueue("permissions", "q")).Name
		asked := []string{"cloudtasks.tasks.run", "cloudtasks.queues.get"}
		found := must(tasks.TestIamPermissions(ctx, &iampb.TestIamPermissionsRequest{Resource: queue, Permissions: asked}))
		slices.Sort(asked)
		expect(fmt.Sprint(found.Permissions), fmt.Sprint(asked))
	},
	"cmek-config": func() {
		name := location("cmek") + "/cmekConfig"
		found := must(tasks.GetCmekConfig(ctx, &pb.GetCmekConfigRequest{Name: name}))
		expect(found.Name, name)
		expect(found.KmsKey, "")
	},
	"create-job": func() {
		job := must(newJob("job", "j", "none", "0 9 * * *"))
		expect(job.Name, location("job")+"/jobs/j")
		expect(job.State, jobspb.Job_ENABLED)
		expect(job.ScheduleTime != nil, true)
	},
	"create-job-twice": func() {
		must(newJob("job-twice", "j", "none", "0 9 * * *"))
		_, err := newJob("job-twice", "j", "none", "0 9 * * *")
		refused(err, codes.AlreadyExists, "")
	},
	"list-jobs": func() {
		var names []string
		for _, id := range []string{"a", "b", "c"} {
			names = append(names, must(newJob("jobs", id, "none", "0 9 * * *")).Name)
		}
		found := all(jobs.ListJobs(ctx, &jobspb.ListJobsRequest{Parent: location("jobs"), PageSize: 2}).Next, (*jobspb.Job).GetName)
		slices.Sort(found)
		expect(fmt.Sprint(found), fmt.Sprint(names))
	},
	"update-job": func() {
		job := must(newJob("update-job", "j", "none", "0 9 * * *"))
		changed := &jobspb.Job{Name: job.Name, Schedule: "0 7 * * *"}
		mask := &fieldmaskpb.FieldMask{Paths: []string{"schedule"}}
		updated := must(jobs.UpdateJob(ctx, &jobspb.UpdateJobRequest{Job: changed, UpdateMask: mask}))
		expect(updated.Schedule, "0 7 * * *")
		expect(updated.GetHttpTarget().Uri, job.GetHttpTarget().Uri)
	},
	"pause-job": func() {
		name := must(newJob("pause-job", "j", "none", "0 9 * * *")).Name
		expect(must(jobs.PauseJob(ctx, &jobspb.PauseJobRequest{Name: name})).State, jobspb.Job_PAUSED)
		expect(must(jobs.ResumeJob(ctx, &jobspb.ResumeJobRequest{Name: name})).State, jobspb.Job_ENABLED)
	},
	"run-job": func() {
		job := must(newJob("run-job", "j", "job", "0 9 * * *"))
		must(jobs.RunJob(ctx, &jobspb.RunJobRequest{Name: job.Name}))
		came := seen("job")
		expect(came.Method, "POST")
		expect(came.Body, body)
		expect(came.Headers["x-cloudscheduler"], "true")
	},
	"publish-job": func() {
		topic := "projects/" + project + "/topics/t"
		target := &jobspb.PubsubTarget{TopicName: topic, Data: []byte(body), Attributes: map[string]string{"a": "b"}}
		job := &jobspb.Job{
			Name:     location("publish") + "/jobs/j",
			Schedule: "0 9 * * *",
			Target:   &jobspb.Job_PubsubTarget{PubsubTarget: target},
		}
		must(jobs.CreateJob(ctx, &jobspb.CreateJobRequest{Parent: location("publish"), Job: job}))
		must(jobs.RunJob(ctx, &jobspb.RunJobRequest{Name: job.Name}))
		message := published(topic)
		expect(string(message.Data), body)
		expect(message.Attributes["a"], "b")
	},
	"delete-job": func() {
		name := must(newJob("delete-job", "j", "none", "0 9 * * *")).Name
		done(jobs.DeleteJob(ctx, &jobspb.DeleteJobRequest{Name: name}))
		_, err := jobs.GetJob(ctx, &jobspb.GetJobRequest{Name: name})
		refused(err, codes.NotFound, "")
	},
	"refuse-job": func() {
		_, err := newJob("refused", "j", "none", "often")
		refused(err, codes.InvalidArgument, "")
	},
}

// Each check has a location of its own.
func location(id string) string { return "projects/" + project + "/locations/" + id }

func newQueue(in, id string) (*pb.Queue, error) {
	queue := &pb.Queue{Name: location(in) + "/queues/" + id}
	return tasks.CreateQueue(ctx, &pb.CreateQueueRequest{Parent: location(in), Queue: queue})
}

// The name of a queue from which nothing is sent.
func paused(in, id string) string {
	return must(tasks.PauseQueue(ctx, &pb.PauseQueueRequest{Name: must(newQueue(in, id)).Name})).Name
}

func newTask(queue, name, token string) (*pb.Task, error) {
	return tasks.CreateTask(ctx, &pb.CreateTaskRequest{Parent: queue, Task: message(name, token)})
}

func message(name, token string) *pb.Task {
	request := &pb.HttpRequest{
		Url:        receiver + "/task/" + project + "-" + token,
		HttpMethod: pb.HttpMethod_PUT,
		Headers:    map[string]string{"Content-Type": "application/json", "X-Own": "ours"},
		Body:       []byte(body),
	}
	return &pb.Task{Name: name, MessageType: &pb.Task_HttpRequest{HttpRequest: request}}
}

func namesOfTasks(queue string) []string {
	names := all(tasks.ListTasks(ctx, &pb.ListTasksRequest{Parent: queue, PageSize: 2}).Next, (*pb.Task).GetName)
	slices.Sort(names)
	return names
}

func batch(queue string, ids ...string) *cloudtasks.BatchCreateTasksOperation {
	var requests []*pb.CreateTaskRequest
	for _, id := range ids {
		requests = append(requests, &pb.CreateTaskRequest{Parent: queue, Task: message(queue+"/tasks/"+id, "none")})
	}
	return must(tasks.BatchCreateTasks(ctx, &pb.BatchCreateTasksRequest{Parent: queue, Requests: requests}))
}

func newJob(in, id, token, schedule string) (*jobspb.Job, error) {
	target := &jobspb.HttpTarget{
		Uri:        receiver + "/task/" + project + "-" + token,
		HttpMethod: jobspb.HttpMethod_POST,
		Body:       []byte(body),
	}
	job := &jobspb.Job{
		Name:     location(in) + "/jobs/" + id,
		Schedule: schedule,
		TimeZone: "Europe/Berlin",
		Target:   &jobspb.Job_HttpTarget{HttpTarget: target},
	}
	return jobs.CreateJob(ctx, &jobspb.CreateJobRequest{Parent: location(in), Job: job})
}

type request struct {
	Method  string            `json:"method"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// The first request that came with this token.
func seen(token string) request {
	var came []request
	fetch(receiver+"/seen/"+project+"-"+token, &came)
	expect(len(came) > 0, true)
	return came[0]
}

type publication struct {
	Topic   string `json:"topic"`
	Message struct {
		Data       []byte            `json:"data"`
		Attributes map[string]string `json:"attributes"`
	} `json:"message"`
}

// The first message of the topic, once it is there.
func published(topic string) (message struct {
	Data       []byte            `json:"data"`
	Attributes map[string]string `json:"attributes"`
}) {
	for range 1000 {
		var found []publication
		fetch("http://"+address+"/published", &found)
		for _, one := range found {
			if one.Topic == topic {
				return one.Message
			}
		}
	}
	panic(fmt.Errorf("nothing was published to %s", topic))
}

func fetch(url string, into any) {
	response := must((&http.Client{Timeout: 30 * time.Second}).Get(url))
	defer response.Body.Close()
	done(json.NewDecoder(response.Body).Decode(into))
}

func all[T any](next func() (T, error), name func(T) string) []string {
	names := []string{}
	for {
		found, err := next()
		if errors.Is(err, iterator.Done) {
			return names
		}
		names = append(names, name(must(found, err)))
	}
}

func must[T any](found T, err error) T {
	done(err)
	return found
}

func done(err error) {
	if err != nil {
		panic(err)
	}
}

func expect[T comparable](found, expected T) {
	if found != expected {
		panic(fmt.Errorf("expected %v, not %v", expected, found))
	}
}

// The call was refused with this code, and this text in its message.
func refused(err error, code codes.Code, text string) {
	var failure *apierror.APIError
	if !errors.As(err, &failure) {
		panic(fmt.Errorf("expected %v, not %v", code, err))
	}
	if status := failure.GRPCStatus(); status != nil && transport == "grpc" {
		expect(status.Code(), code)
	} else {
		expect(failure.HTTPCode(), map[codes.Code]int{
			codes.AlreadyExists: 409, codes.NotFound: 404, codes.FailedPrecondition: 400, codes.InvalidArgument: 400,
		}[code])
	}
	if !strings.Contains(err.Error(), text) {
		panic(fmt.Errorf("expected %q in %q", text, err.Error()))
	}
}

// The problem of a check; empty if it passed.
func problem(check func()) (said string) {
	defer func() {
		if failure := recover(); failure != nil {
			said = fmt.Sprint(failure)
		}
	}()
	check()
	return ""
}

func main() {
	transport, address, project, receiver = os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	if transport == "grpc" {
		plain := option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials()))
		options := []option.ClientOption{option.WithEndpoint(address), option.WithoutAuthentication(), plain}
		tasks = must(cloudtasks.NewClient(ctx, options...))
		jobs = must(scheduler.NewCloudSchedulerClient(ctx, options...))
	} else {
		options := []option.ClientOption{option.WithEndpoint("http://" + address), option.WithoutAuthentication()}
		tasks = must(cloudtasks.NewRESTClient(ctx, options...))
		jobs = must(scheduler.NewCloudSchedulerRESTClient(ctx, options...))
	}
	output := json.NewEncoder(os.Stdout)
	for name, check := range checks {
		done(output.Encode(map[string]string{"check": name, "problem": problem(check)}))
	}
}
