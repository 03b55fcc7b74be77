using System.Net;
using System.Net.Sockets;
using Orleans.DOS.Client.Http;
using Orleans.DOS.Files;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Tests.Http;

/// <summary>The client's side of a node that is gone, ill or silent.</summary>
public sealed class HttpFailoverTests
{
    [Fact]
    public async Task Call_WhenTheFirstNodeIsDead_IsServedByTheSecond()
    {
        await using var door = await HttpDouble.StartAsync();
        // Several clients, since each begins at a node of its own choice.
        for (var i = 0; i < 8; i++)
        {
            using var client = door.Client(DeadUrl());
            await client.Files.MakeDirectoryAsync($"/d{i}");
        }
        Assert.Equal(8, (await door.Machines.FileTree.ListAsync("/")).Items.Count);
    }

    [Fact]
    public async Task Call_WhenTheFirstNodeIsUnavailable_IsServedByTheSecond_UnderTheSameRequestId()
    {
        await using var ill = await HttpDouble.StartAsync();
        await using var well = await HttpDouble.StartAsync();
        ill.Machines.Opening = static _ => throw new DosException(DosErrorCode.Unavailable, "not now");
        for (var i = 0; i < 8; i++)
        {
            using var client = well.Client(ill.Url);
            await client.Files.MakeDirectoryAsync($"/d{i}");
        }
        Assert.Equal(8, (await well.Machines.FileTree.ListAsync("/")).Items.Count);
        Assert.NotEmpty(ill.Machines.Requests);
        Assert.Subset(well.Machines.Requests.ToHashSet(), ill.Machines.Requests.ToHashSet());
    }

    [Fact]
    public async Task Call_WhoseAnswerIsLost_IsRepeatedByTheSameRequestId()
    {
        await using var door = await HttpDouble.StartAsync();
        await using var lossy = new LossyProxy(door.Url, answersLost: 1);
        using var client = HttpMachine.Create(new HttpMachineOptions { Urls = [lossy.Url], Token = DoubleVerifier.Token });
        await client.Files.PutSmallAsync("/f", "x"u8.ToArray());
        Assert.Equal(2, door.Machines.Requests.Count);
        Assert.Single(door.Machines.Requests.Distinct());
        Assert.NotNull(door.Machines.Requests.First());
    }

    /// <summary>The head of an answer promises a length: fewer bytes are a lost call, never a shorter file.</summary>
    [Fact]
    public async Task Read_WhoseAnswerBreaksOffInItsMiddle_IsRepeated()
    {
        await using var door = await HttpDouble.StartAsync();
        var content = new byte[Limits.FramePayloadBytesMax];
        new Random(1).NextBytes(content);
        using (var writer = door.Client())
        {
            await using var written = await writer.Files.OpenAsync("/f", new FileOpenOptions { Create = true });
            await written.AppendAsync(content);
        }
        await using var lossy = new LossyProxy(door.Url, answersLost: int.MaxValue, inTheirMiddle: true);
        using var client = HttpMachine.Create(new HttpMachineOptions { Urls = [lossy.Url, door.Url], Token = DoubleVerifier.Token });
        for (var round = 0; round < 4; round++)
        {
            await using var handle = await client.Files.OpenAsync("/f", new FileOpenOptions());
            Assert.Equal(content, (await handle.ReadAsync(0, content.Length)).ToArray());
        }
        using var alone = HttpMachine.Create(new HttpMachineOptions { Urls = [lossy.Url], Token = DoubleVerifier.Token, Budget = TimeSpan.FromSeconds(1) });
        var failure = await Assert.ThrowsAsync<DosException>(() => alone.Files.Attach(new InodeId(1), null).ReadAsync(0, 16));
        Assert.Equal(DosErrorCode.Unavailable, failure.Code);
    }

    [Fact]
    public async Task Call_WhoseAnswerIsAlwaysLost_HasAnUnknownOutcome_WithinItsBudget()
    {
        await using var door = await HttpDouble.StartAsync();
        await using var lossy = new LossyProxy(door.Url, answersLost: int.MaxValue);
        using var client = HttpMachine.Create(new HttpMachineOptions { Urls = [lossy.Url], Token = DoubleVerifier.Token, Budget = TimeSpan.FromSeconds(1) });
        var failure = await Assert.ThrowsAsync<DosException>(() => client.Files.PutSmallAsync("/f", "x"u8.ToArray()));
        Assert.Equal(DosErrorCode.OutcomeUnknown, failure.Code);
        // Reading changes nothing, so there is nothing unknown about it.
        failure = await Assert.ThrowsAsync<DosException>(() => client.Files.StatAsync("/f"));
        Assert.Equal(DosErrorCode.Unavailable, failure.Code);
    }

    [Fact]
    public async Task Call_WhoseOutcomeIsUnknown_IsHarmlessToRepeatUnderItsRequestId()
    {
        await using var door = await HttpDouble.StartAsync();
        await using var lossy = new LossyProxy(door.Url, answersLost: int.MaxValue);
        var (request, spec) = (RequestId.New(), new ProcessSpec { Program = "echo", Arguments = ["x"] });
        using (var client = HttpMachine.Create(new HttpMachineOptions { Urls = [lossy.Url], Token = DoubleVerifier.Token, Budget = TimeSpan.FromSeconds(1) }))
        {
            var failure = await Assert.ThrowsAsync<DosException>(() => client.WithRequest(request).Processes.SpawnAsync(spec));
            Assert.Equal(DosErrorCode.OutcomeUnknown, failure.Code);
            Assert.Contains(request.ToString(), failure.Message, StringComparison.Ordinal);
        }
        Assert.Equal(1, door.Machines.ProcessTable.Spawned);
        using var other = door.Client();
        Assert.Equal(1, (await other.WithRequest(request).Processes.SpawnAsync(spec)).Pid.Value);
        Assert.Equal(1, door.Machines.ProcessTable.Spawned);
        Assert.Single(door.Machines.Requests.Distinct());
    }

    [Fact]
    public async Task Calls_UnderANamedRequestId_HaveIdsOfTheirOwn_TheSameEachTime()
    {
        await using var door = await HttpDouble.StartAsync();
        using var client = door.Client();
        var request = RequestId.New();
        for (var round = 0; round < 2; round++)
        {
            var machine = client.WithRequest(request);
            await machine.Files.PutSmallAsync("/f", "x"u8.ToArray());
            await machine.Files.PutSmallAsync("/g", "x"u8.ToArray());
        }
        var seen = door.Machines.Requests.Select(static id => id!.Value).ToList();
        Assert.Equal((4, request, seen[0], seen[1]), (seen.Count, seen[0], seen[2], seen[3]));
        Assert.NotEqual(seen[0], seen[1]);
    }

    [Fact]
    public async Task Call_WhenNothingRuns_FailsAtOnce()
    {
        using var client = HttpMachine.Create(new HttpMachineOptions { Urls = [DeadUrl(), DeadUrl()], Token = DoubleVerifier.Token });
        var begun = TimeProvider.System.GetTimestamp();
        var failure = await Assert.ThrowsAsync<DosException>(() => client.Nodes.ListAsync());
        Assert.Equal(DosErrorCode.Unavailable, failure.Code);
        Assert.InRange(TimeProvider.System.GetElapsedTime(begun), TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task RequestId_ThatACallerNames_ReachesTheMachine()
    {
        await using var door = await HttpDouble.StartAsync();
        using var http = door.Raw();
        http.DefaultRequestHeaders.Add("Request-Id", "00000000000000ff.7");
        using var first = await http.PutAsync("/v1/machines/main/files/f", new StringContent("x"));
        using var again = await http.PutAsync("/v1/machines/main/files/f", new StringContent("x"));
        Assert.Equal("00000000000000ff.7", again.Headers.GetValues("Request-Id").Single());
        Assert.Equal([new RequestId(0xff, 7), new RequestId(0xff, 7)], door.Machines.Requests);
    }

    private static Uri DeadUrl()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return new Uri($"http://{listener.LocalEndpoint}");
    }
}
