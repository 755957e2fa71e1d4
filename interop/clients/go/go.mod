module interop

go 1.25

require (
	cloud.google.com/go/cloudtasks v1.21.1
	cloud.google.com/go/scheduler v1.18.1
)
