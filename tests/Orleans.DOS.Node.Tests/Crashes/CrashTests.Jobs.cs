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
