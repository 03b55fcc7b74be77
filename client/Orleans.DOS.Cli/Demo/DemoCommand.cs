using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Orleans.DOS.Cli.Cluster;
using Orleans.DOS.Client.Http;
using Orleans.DOS.Files;
using Orleans.DOS.Jobs;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Cli.Demo;

/// <summary>
/// `dos demo`: the promise in one command. Three nodes in a temporary directory, real text with two replicas, a count over all nodes, one node
/// killed on the way, the whole table compared with a single-threaded count, everything taken down.
/// </summary>
internal static class DemoCommand
{
    private const int NodeCount = 3;
    private const int Replicas = 2;
    private const int Writers = 3;
    private const int TopWords = 10;
    private static readonly TimeSpan TakeDownMax = TimeSpan.FromSeconds(5);
    private static readonly Option<string> Kill = new("--kill") { Description = "Whose node is killed in the middle: coordinator, worker, data or none", DefaultValueFactory = _ => "coordinator" };
    private static readonly Option<string?> Input = new("--input") { Description = "Directory with text (default: the XML reference documents of the .NET SDK)" };
    private static readonly Option<string?> Size = new("--size") { Description = "Bytes to store, e.g. 256MiB; the text is repeated under different names (default: 1GiB, with --input each file once)" };
    private static readonly Option<string?> Postgres = new("--postgres") { Description = "Connection string of PostgreSQL, instead of SQLite" };

    public static Command Create() => Session.On(
        new Command("demo", "Three nodes count the words of a gigabyte; one is killed on the way; the answer is checked") { Kill, Input, Size, Postgres }, RunAsync);

    private static async Task<int> RunAsync(Session session, CancellationToken cancellation)
    {
        // By name only: TryParse takes numbers too.
        var victim = Enum.GetNames<DemoVictim>().Contains(session.Get(Kill), StringComparer.OrdinalIgnoreCase)
            ? Enum.Parse<DemoVictim>(session.Get(Kill), ignoreCase: true)
            : throw new DosException(DosErrorCode.InvalidArgument, "--kill takes coordinator, worker, data or none");
        var texts = DemoText.Plan(session.Get(Input), session.Get(Size) is { } size ? Human.ParseBytes(size) : session.Get(Input) is null ? 1L << 30 : 0);
        var directory = Directory.CreateTempSubdirectory("dos-demo-").FullName;
        var (picture, log, keepLog) = (new DemoPicture(session.Json), directory + ".log", false);
        // What the runtime of a killed node leaves in its temporary directory goes with ours.
        Environment.SetEnvironmentVariable("TMPDIR", directory);
        try
        {
            return await RunAsync(session, new DataFolder(directory), texts, victim, picture, log, cancellation);
        }
        catch (Exception) when (cancellation.IsCancellationRequested)
        {
            // Ctrl-C reaches the nodes too: what broke by that is no failure.
            throw new OperationCanceledException(cancellation);
        }
        catch (Exception)
        {
            Console.Error.WriteLine($"dos: what the nodes wrote is in {log}");
            keepLog = true;
            throw;
        }
        finally
        {
            await TakeDownAsync(directory);
            if (!keepLog)
            {
                File.Delete(log);
            }
        }
    }

    private static async Task<int> RunAsync(
        Session session, DataFolder data, IReadOnlyList<DemoText> texts, DemoVictim victim, DemoPicture picture, string log, CancellationToken cancellation)
    {
        await using var supervisor = await Supervisor.StartAsync(new SupervisorOptions(data, NodeCount, new NodeOptions(session.Get(Postgres), new Dictionary<string, string>(), Migrate: true)), line => Append(log, line), cancellation);
        await supervisor.ReadyAsync(cancellation);
        using var machine = HttpMachine.Create(new HttpMachineOptions { Urls = data.Urls(), Token = data.Token() });
        var bytes = texts.Sum(text => text.Length);
        picture.Tell($"{NodeCount} nodes are up; storing {Human.Bytes(bytes)} of text with {Replicas} replicas");
        await picture.DrawAsync(draw => StoreAsync(machine, texts, stored => draw(DemoPicture.Bar("storing", stored, bytes, Human.Bytes(stored))), cancellation));
        picture.Tell("stored; counting words on all nodes");

        var watch = Stopwatch.StartNew();
        var run = new DemoJob(machine, victim, picture);
        var job = await picture.DrawAsync(draw => run.RunAsync(draw, cancellation));
        if (job.State != JobState.Succeeded)
        {
            throw new DosException(DosErrorCode.Internal, $"the job ended as {job.State}: {job.Reason}");
        }
        var table = await DemoResult.ReadAsync(machine, job, cancellation);
        var seconds = watch.Elapsed.TotalSeconds;
        picture.Tell($"counted in {seconds:0.0} s: {job.Tasks} tasks, {job.TasksRetried} run again; now one thread counts the same bytes");

        watch.Restart();
        var reference = DemoResult.Reference(texts, cancellation);
        var single = watch.Elapsed.TotalSeconds;
        var matches = table.AsSpan().SequenceEqual(reference);
        Report(session, picture, job, run, bytes, (seconds, single), table, matches);
        return matches ? 0 : ExitCodes.Failed;
    }

    private static async Task<long> StoreAsync(IMachine machine, IReadOnlyList<DemoText> texts, Action<long> stored, CancellationToken cancellation)
    {
        await machine.Files.MakeDirectoryAsync("/input", parents: true, cancellationToken: cancellation);
        long bytes = 0;
        await Parallel.ForEachAsync(texts, new ParallelOptions { MaxDegreeOfParallelism = Writers, CancellationToken = cancellation }, async (text, cancelled) =>
        {
            await using var source = text.Open();
            await using var target = await machine.Files.OpenWriteAsync(text.Name, new FileOpenOptions { Create = true, Truncate = true, Replicas = Replicas }, cancelled);
            var buffer = new byte[Limits.FramePayloadBytesMax];
            for (int count; (count = source.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false)) > 0;)
            {
                await target.WriteAsync(buffer.AsMemory(0, count), cancelled);
                stored(Interlocked.Add(ref bytes, count));
            }
        });
        return bytes;
    }

    private static void Report(
        Session session, DemoPicture picture, JobStatus job, DemoJob run, long bytes, (double Job, double Single) seconds, byte[] table, bool matches)
    {
        if (session.Json)
        {
            Printer.Json(new
            {
                nodes = NodeCount, bytes, tasks = job.Tasks, retried = job.TasksRetried, killedNode = run.Killed?.Value,
                recoverySeconds = run.Recovery is { } recovery ? Math.Round(recovery.TotalSeconds, 2) : (double?)null,
                seconds = Math.Round(seconds.Job, 2), singleProcessSeconds = Math.Round(seconds.Single, 2), matches,
            });
            return;
        }
        foreach (var (word, count) in DemoResult.Top(table, TopWords))
        {
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count,14:N0}  {word}"));
        }
        picture.Tell(matches
            ? $"the whole table ({Human.Bytes(table.Length)}) equals the single-threaded count byte for byte"
            : "THE TABLE DIFFERS from the single-threaded count");
        picture.Tell(string.Create(CultureInfo.InvariantCulture,
            $"three nodes: {seconds.Job:0.0} s with recovery ({run.Recovery?.TotalSeconds ?? 0:0.0} s); one thread: {seconds.Single:0.0} s, reading from the local disk"));
    }

    /// <summary>Workers of the killed node end by themselves, and may still write while we delete.</summary>
    private static async Task TakeDownAsync(string directory)
    {
        for (var began = Stopwatch.GetTimestamp(); ; await Task.Delay(100))
        {
            try
            {
                Directory.Delete(directory, recursive: true);
                return;
            }
            catch (IOException) when (Stopwatch.GetElapsedTime(began) < TakeDownMax)
            {
                // Once more.
            }
        }
    }

    private static void Append(string log, string line)
    {
        lock (log)
        {
            File.AppendAllText(log, line + "\n");
        }
    }
}
