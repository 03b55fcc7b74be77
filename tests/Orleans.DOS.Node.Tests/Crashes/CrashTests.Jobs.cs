using System.Text;
using Orleans.DOS.Files;
using Orleans.DOS.Jobs;
using Orleans.DOS.Node.Tests.Harness;
using Xunit;

namespace Orleans.DOS.Node.Tests.Crashes;

public abstract partial class CrashTests
{
    private const int InputBytes = 32 * 1024 * 1024, Partitions = 3;

    private static readonly TimeSpan JobDeadline = TimeSpan.FromSeconds(120);

    [Fact]
    public async Task Job_WhoseCoordinatorIsKilled_EqualsItsReference()
    {
        var input = Words(InputBytes);
        await Machine.Files.WriteAllBytesAsync(Root + "/words", input);
        var job = await Machine.Jobs.SubmitAsync(new JobSpec
        {
            Program = "wordcount",
            Inputs = [Root + "/words"],
            Output = Root + "/counts",
            RangeBytes = 512 * 1024,
            Partitions = Partitions,
        });
        JobStatus? status = null;
        async Task<bool> ReadAsync(Func<JobStatus, bool> condition) => condition(status = await Machine.Jobs.StatusAsync(job.Id));

        await Eventually.TrueAsync("some tasks are done", JobDeadline, () => ReadAsync(now => now.TasksDone >= 8 || now.HasEnded), () => $"{status}\n{Nodes.Logs}");
        Assert.False(status!.HasEnded, $"{status}: over before its coordinator could be killed");
        await KillAsync(NodeOf(status.Coordinator!.Value));
        await Eventually.TrueAsync("the job has ended", JobDeadline, () => ReadAsync(now => now.HasEnded), () => $"{status}\n{Nodes.Logs}");

        Assert.True(status!.State == JobState.Succeeded, status.ToString());
        // Every node has a replica of every byte, but for those that had to be left behind at the kill.
        Assert.True(status.BytesLocal * 2 > status.BytesTotal, $"{status.BytesLocal} of {status.BytesTotal} bytes were read where they lie");
        using var result = new MemoryStream();
        foreach (var part in status.Results)
        {
            result.Write(await Machine.Files.ReadAllBytesAsync(part));
        }
        Assert.True(JobReference.Run(new WordCountJob(), [new MemoryStream(input)], Partitions).AsSpan().SequenceEqual(result.ToArray()));
    }

    public static TheoryData<int> Moments => [.. Enumerable.Range(1, RealNodes.FullDose ? 10 : 2)];

    /// <summary>
    /// The coordinator's node dies at a moment drawn from the seed: so and so many tasks are in the journal. Odd seeds grep, whose outputs are results with a
    /// copy elsewhere: nothing that is in the journal runs again. Even ones count words: only maps whose output lay on the dead node alone may.
    /// </summary>
    [Theory]
    [MemberData(nameof(Moments))]
    public async Task Coordinator_KilledAtASeededMoment_NothingJournaledRunsAgain(int seed)
    {
        const int inputBytes = 8 * 1024 * 1024, rangeBytes = 256 * 1024;
        var random = new Random(seed);
        var (input, isGrep) = (Words(inputBytes), seed % 2 == 1);
        await Machine.Files.WriteAllBytesAsync(Root + "/words", input, new FileOpenOptions { Create = true, Replicas = 3 });
        var job = await Machine.Jobs.SubmitAsync(new JobSpec
        {
            Program = isGrep ? "grep" : "wordcount", Inputs = [Root + "/words"], Output = Root + "/out", RangeBytes = rangeBytes, Partitions = Partitions,
            Parameters = isGrep ? new Dictionary<string, string> { ["pattern"] = "w77 " } : new Dictionary<string, string>(),
        });
        var moment = random.Next(1, (inputBytes / rangeBytes) - 8);
        IReadOnlyDictionary<long, (long Attempt, string Node)> before = new Dictionary<long, (long, string)>();
        await Eventually.TrueAsync($"{moment} tasks are in the journal", JobDeadline, async () => (before = await JournalAsync(job.Id)).Count >= moment, () => Nodes.Logs);
        var status = await Machine.Jobs.StatusAsync(job.Id);
        Assert.False(status.HasEnded, $"seed {seed}: {status}: over before its coordinator could be killed");
        var dead = status.Coordinator!.Value;
        await KillAsync(NodeOf(dead));
        await Eventually.TrueAsync("the job has ended", JobDeadline, async () => (status = await Machine.Jobs.StatusAsync(job.Id)).HasEnded, () => $"{status}\n{Nodes.Logs}");

        Assert.True(status.State == JobState.Succeeded, $"seed {seed}: {status}");
        var after = await JournalAsync(job.Id);
        var kept = before.Where(task => isGrep || task.Value.Node != dead.Value).ToArray();
        Assert.All(kept, task => Assert.True(after[task.Key] == task.Value, $"seed {seed}: task {task.Key} was {task.Value} in the journal and is {after[task.Key]}"));
        Assert.True(kept.Length > 0 || !isGrep, $"seed {seed}: nothing was in the journal");
        IJobProgram twin = isGrep ? new GrepJob() : new WordCountJob();
        twin.Configure(isGrep ? new Dictionary<string, string> { ["pattern"] = "w77 " } : new Dictionary<string, string>());
        using var result = new MemoryStream();
        foreach (var part in status.Results)
        {
            result.Write(await Machine.Files.ReadAllBytesAsync(part));
        }
        Assert.True(JobReference.Run(twin, [new MemoryStream(input)], Partitions).AsSpan().SequenceEqual(result.ToArray()), $"seed {seed}: another result");
    }

    /// <summary>Files of one replica each, written through different doors.</summary>
    [Fact]
    public async Task Job_OverFilesOfOneReplica_ReadsThemWhereTheyLie()
    {
        for (var door = 0; door < 6; door++)
        {
            using var client = three.Http(door % 3);
            await client.Files.WriteAllBytesAsync($"{Root}/in-{door}", Words(2 * 1024 * 1024), new FileOpenOptions { Create = true, Replicas = 1 });
        }
        var job = await Machine.Jobs.SubmitAsync(new JobSpec
        {
            Program = "wordcount", Inputs = [.. Enumerable.Range(0, 6).Select(door => $"{Root}/in-{door}")], Output = Root + "/out", RangeBytes = 512 * 1024, Partitions = 1,
        });
        JobStatus? status = null;
        await Eventually.TrueAsync("the job has ended", JobDeadline, async () => (status = await Machine.Jobs.StatusAsync(job.Id)).HasEnded, () => $"{status}\n{Nodes.Logs}");
        Assert.True(status!.State == JobState.Succeeded, status.ToString());
        Assert.Equal(status.BytesTotal, status.BytesDone);
        Assert.True(status.BytesLocal >= status.BytesTotal * 0.9, $"{status.BytesLocal} of {status.BytesTotal} bytes were read where they lie");
    }

    /// <summary>By task: the attempt that counts, and its node.</summary>
    private async Task<IReadOnlyDictionary<long, (long Attempt, string Node)>> JournalAsync(JobId job)
    {
        await using var catalog = three.OpenCatalog();
        await catalog.OpenAsync();
        await using var command = catalog.CreateCommand();
        command.CommandText = $"SELECT task, attempt, node_id FROM dos_job_tasks WHERE job_id = {job.Value}";
        await using var reader = await command.ExecuteReaderAsync();
        var journal = new Dictionary<long, (long, string)>();
        while (await reader.ReadAsync())
        {
            journal.Add(reader.GetInt64(0), (reader.GetInt64(1), reader.GetString(2)));
        }
        return journal;
    }

    private static byte[] Words(int bytes)
    {
        var random = new Random(7);
        var text = new StringBuilder(bytes + 64);
        while (text.Length < bytes)
        {
            // Squared: some words are frequent, most are rare.
            var word = random.NextDouble();
            text.Append('w').Append((int)(word * word * 20_000)).Append(random.Next(10) == 0 ? '\n' : ' ');
        }
        return Encoding.ASCII.GetBytes(text.ToString());
    }
}
