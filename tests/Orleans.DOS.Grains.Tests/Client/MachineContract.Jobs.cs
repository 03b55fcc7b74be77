using System.Text;
using Orleans.DOS.Files;
using Orleans.DOS.Jobs;

namespace Orleans.DOS.Tests.Client;

public abstract partial class MachineContract
{
    [Fact]
    public async Task Job_WordCount_IsWatchedToItsResult()
    {
        await Files.WriteAllBytesAsync(Root + "/in", Utf8("b a\na\n"), cancellationToken: Stop);
        var job = await Machine.Jobs.SubmitAsync(new JobSpec { Program = "wordcount", Inputs = [Root + "/in"], Output = Root + "/out", Partitions = 1 }, Stop);
        JobStatus? last = null;
        await foreach (var status in Machine.Jobs.WatchAsync(job.Id, Stop))
        {
            last = status;
        }
        Assert.NotNull(last);
        Assert.True(last.State == JobState.Succeeded, last.Reason);
        var text = new StringBuilder();
        foreach (var part in last.Results)
        {
            text.Append(Encoding.UTF8.GetString(await Files.ReadAllBytesAsync(part, Stop)));
        }
        Assert.Equal("a\t2\nb\t1\n", text.ToString());
        Assert.Contains((await Machine.Jobs.ListAsync(cancellationToken: Stop)).Items, status => status.Id == job.Id);
    }

    [Fact]
    public async Task Job_WithANullInItsSpecification_IsRefused()
    {
        var good = new JobSpec { Program = "grep", Inputs = [Root], Output = Root + "/out" };
        JobSpec[] bad =
        [
            good with { Program = null! },
            good with { Inputs = null! },
            good with { Inputs = [Root, null!] },
            good with { Parameters = new Dictionary<string, string> { ["pattern"] = null! } },
        ];
        foreach (var spec in bad)
        {
            await FailsAsync(DosErrorCode.InvalidArgument, () => Machine.Jobs.SubmitAsync(spec, Stop));
        }
    }

    [Fact]
    public async Task Job_Unknown_IsRefused()
    {
        await FailsAsync(DosErrorCode.NoSuchJob, () => Machine.Jobs.StatusAsync(new JobId(long.MaxValue), Stop));
        await FailsAsync(DosErrorCode.NoSuchJob, () => Machine.Jobs.CancelAsync(new JobId(long.MaxValue), Stop));
    }

    [Fact]
    public async Task Nodes_AreListed_AndAnUnknownOneIsRefused()
    {
        var nodes = await Machine.Nodes.ListAsync(Stop);
        Assert.NotEmpty(nodes);
        Assert.Equal(nodes[0].Id, (await Machine.Nodes.StatusAsync(nodes[0].Id, Stop)).Id);
        Assert.NotEmpty((await Machine.Nodes.ClusterAsync(Stop)).ClusterId);
        await FailsAsync(DosErrorCode.NoSuchNode, () => Machine.Nodes.StatusAsync(new NodeId("no-such-node"), Stop));
    }
}
