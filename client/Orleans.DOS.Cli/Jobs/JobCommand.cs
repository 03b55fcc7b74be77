using System.CommandLine;
using Orleans.DOS.Jobs;

namespace Orleans.DOS.Cli.Jobs;

internal static class JobCommand
{
    private static readonly Argument<string> Program = new("PROGRAM");
    private static readonly Argument<string[]> Inputs = new("INPUTS") { Arity = ArgumentArity.ZeroOrMore, Description = "Files and directories; none when the program splits its work itself" };
    private static readonly Argument<long> Id = Number.Argument("JOB", "number of a job; 'dos job ls' lists them");
    private static readonly Option<string?> Output = new("--output", "-o") { Description = "Directory for the results (default: /jobs/<id>)" };
    private static readonly Option<string[]> Parameters = new("--set") { Description = "key=value for the program" };
    private static readonly Option<bool> AsTheyCome = new("--as-they-come") { Description = "Whichever is there first; otherwise in the order of the result" };
    private static readonly Option<int> Partitions = new("--partitions") { Description = "Reduce partitions; 0: one per node" };

    public static Command Create() => new("job", "Work split over all nodes")
    {
        Session.On(new Command("submit", "Start a job") { Program, Inputs, Output, Parameters, Partitions }, SubmitAsync),
        Session.On(new Command("ls", "List jobs"), ListAsync),
        Session.On(new Command("show", "Show one job") { Id }, async (session, cancellation) =>
            Print(session, [await session.Machine.Jobs.StatusAsync(new(session.Get(Id)), cancellation)])),
        Session.On(new Command("wait", "Wait for the end of a job; the exit code is 0 when it has succeeded") { Id }, (session, cancellation) => FollowAsync(session, watch: false, cancellation)),
        Session.On(new Command("watch", "Show each change of a job until it ends; the exit code is 0 when it has succeeded") { Id }, (session, cancellation) =>
            FollowAsync(session, watch: true, cancellation)),
        Session.On(new Command("results", "The files of the result, each as soon as it is whole; those of a failed job are taken away") { Id, AsTheyCome }, ResultsAsync),
        Session.On(new Command("cancel", "End a job") { Id }, (session, cancellation) => session.Machine.Jobs.CancelAsync(new(session.Get(Id)), cancellation)),
    };

    private static async Task SubmitAsync(Session session, CancellationToken cancellation)
    {
        var job = await session.Machine.Jobs.SubmitAsync(new JobSpec
        {
            Program = session.Get(Program), Inputs = session.Get(Inputs), Split = session.Get(Inputs).Length > 0 ? JobSplit.ByRange : JobSplit.ByProgram, Output = session.Get(Output), Partitions = session.Get(Partitions),
            Parameters = Pairs.Of(Parameters, session.Get(Parameters)),
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

    private static Task ListAsync(Session session, CancellationToken cancellation) => Printer.PagesAsync(
        session, after => session.Machine.Jobs.ListAsync(after, cancellationToken: cancellation), found => Print(session, found));

    private static async Task<int> FollowAsync(Session session, bool watch, CancellationToken cancellation)
    {
        await foreach (var job in session.Machine.Jobs.WatchAsync(new(session.Get(Id)), cancellation))
        {
            if (watch || (job.HasEnded && session.Json))
            {
                Tell(session, job);
            }
            if (job.HasEnded && job.State != JobState.Succeeded)
            {
                Console.Error.WriteLine($"dos: job {job.Id} has ended as {job.State}{(job.Reason is null ? "" : $": {job.Reason}")}");
                return ExitCodes.Failed;
            }
        }
        return 0;
    }

    private static async Task ResultsAsync(Session session, CancellationToken cancellation)
    {
        var order = session.Get(AsTheyCome) ? ResultOrder.AsTheyCome : ResultOrder.InOrder;
        await foreach (var result in session.Machine.ResultsAsync(new(session.Get(Id)), order, cancellation))
        {
            if (session.Json)
            {
                Printer.Json(new { part = result.Part, path = result.Path });
            }
            else
            {
                Console.Out.WriteLine(result.Path);
            }
        }
    }

    /// <summary>A line for each change: columns would need to know the later ones.</summary>
    private static void Tell(Session session, JobStatus job)
    {
        if (session.Json)
        {
            Printer.Json(Json(job));
            return;
        }
        Console.Out.WriteLine(
            $"{job.State}{(job.Reason is null ? "" : $" ({job.Reason})")}  {job.TasksDone}/{job.Tasks} tasks, {job.TasksRunning} running  {Human.Bytes(job.BytesDone)} of {Human.Bytes(job.BytesTotal)}");
    }

    private static void Print(Session session, IEnumerable<JobStatus> jobs) => Printer.Rows(
        session, jobs, Json, ["JOB", "PROGRAM", "STATE", "TASKS", "RETRIED", "BYTES", "LOCAL", "AGE", "OUTPUT"], job =>
        [
            job.Id.ToString(), job.Program, job.Reason is null ? job.State.ToString() : $"{job.State} ({job.Reason})", $"{job.TasksDone}/{job.Tasks}",
            job.TasksRetried.ToString(), $"{Human.Bytes(job.BytesDone)} of {Human.Bytes(job.BytesTotal)}", Local(job), Human.Age(job.Created), job.Output,
        ]);

    /// <summary>Of the input that was read, how much on nodes that hold it.</summary>
    private static string Local(JobStatus job) => job.BytesDone == 0 ? "-" : $"{Math.Round(100.0 * job.BytesLocal / job.BytesDone)} %";

    private static object Json(JobStatus job) => new
    {
        id = job.Id.Value, program = job.Program, state = job.State, reason = job.Reason, tasks = job.Tasks, running = job.TasksRunning,
        done = job.TasksDone, retried = job.TasksRetried, bytes = job.BytesTotal, bytesDone = job.BytesDone, bytesLocal = job.BytesLocal,
        output = job.Output, results = job.Results, coordinator = job.Coordinator?.Value, created = job.Created, ended = job.Ended,
    };
}
