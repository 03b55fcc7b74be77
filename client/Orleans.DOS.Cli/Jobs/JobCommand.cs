using System.CommandLine;
using Orleans.DOS.Jobs;

namespace Orleans.DOS.Cli.Jobs;

internal static class JobCommand
{
    private static readonly Argument<string> Program = new("PROGRAM");
    private static readonly Argument<string[]> Inputs = new("INPUTS") { Arity = ArgumentArity.OneOrMore };
    private static readonly Argument<long> Id = Number.Argument("JOB", "number of a job; 'dos job ls' lists them");
    private static readonly Option<string?> Output = new("--output", "-o") { Description = "Directory for the results (default: /jobs/<id>)" };
    private static readonly Option<string[]> Parameters = new("--set") { Description = "key=value for the program" };
    private static readonly Option<int> Partitions = new("--partitions") { Description = "Reduce partitions; 0: one per node" };

    public static Command Create() => new("job", "Work split over all nodes")
    {
        Session.On(new Command("submit", "Start a job") { Program, Inputs, Output, Parameters, Partitions }, SubmitAsync),
        Session.On(new Command("ls", "List jobs"), ListAsync),
        Session.On(new Command("show", "Show one job") { Id }, async (session, cancellation) =>
            Print(session, [await session.Machine.Jobs.StatusAsync(new(session.Get(Id)), cancellation)])),
        Session.On(new Command("cancel", "End a job") { Id }, (session, cancellation) => session.Machine.Jobs.CancelAsync(new(session.Get(Id)), cancellation)),
    };

    private static async Task SubmitAsync(Session session, CancellationToken cancellation)
    {
        var job = await session.Machine.Jobs.SubmitAsync(new JobSpec
        {
            Program = session.Get(Program), Inputs = session.Get(Inputs), Output = session.Get(Output), Partitions = session.Get(Partitions),
            Parameters = session.Get(Parameters).ToDictionary(pair => Pair(pair)[0], pair => Pair(pair)[1]),
        }, cancellation);
        if (session.Json)
        {
            Printer.Json(Json(job));
        }
        else
        {
            Console.Out.WriteLine(job.Id);
        }
    }

    private static string[] Pair(string text) => text.Split('=', 2) is { Length: 2 } pair
        ? pair
        : throw new DosException(DosErrorCode.InvalidArgument, $"--set must be key=value, not '{text}'");

    private static async Task ListAsync(Session session, CancellationToken cancellation)
    {
        List<JobStatus> found = [];
        string? after = null;
        do
        {
            var page = await session.Machine.Jobs.ListAsync(after, cancellationToken: cancellation);
            found.AddRange(page.Items);
            after = page.Next;
        }
        while (after is not null);
        Print(session, found);
    }

    private static void Print(Session session, IEnumerable<JobStatus> jobs) => Printer.Rows(
        session, jobs, Json, ["JOB", "PROGRAM", "STATE", "TASKS", "RETRIED", "BYTES", "AGE", "OUTPUT"], job =>
        [
            job.Id.ToString(), job.Program, job.Reason is null ? job.State.ToString() : $"{job.State} ({job.Reason})", $"{job.TasksDone}/{job.Tasks}",
            job.TasksRetried.ToString(), $"{Human.Bytes(job.BytesDone)} of {Human.Bytes(job.BytesTotal)}", Human.Age(job.Created), job.Output,
        ]);

    private static object Json(JobStatus job) => new
    {
        id = job.Id.Value, program = job.Program, state = job.State, reason = job.Reason, tasks = job.Tasks, running = job.TasksRunning,
        done = job.TasksDone, retried = job.TasksRetried, bytes = job.BytesTotal, bytesDone = job.BytesDone, bytesLocal = job.BytesLocal,
        output = job.Output, results = job.Results, coordinator = job.Coordinator?.Value, created = job.Created, ended = job.Ended,
    };
}
