using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Client.Http;
using Orleans.DOS.Jobs;
using Orleans.DOS.Machines;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Tests.Http;

/// <summary>Answers that go on: followed output, watched jobs; and the document of all routes.</summary>
public sealed class HttpStreamTests
{
    [Fact]
    public async Task Follow_SendsOutputAsItComes_UntilTheEnd()
    {
        await using var door = await HttpDouble.StartAsync();
        var table = door.Machines.ProcessTable;
        var pid = (await table.SpawnAsync(new ProcessSpec { Program = "cat", HasStandardInput = true })).Pid;
        await table.WriteInputAsync(pid, 0, "first\n"u8.ToArray());
        using var http = door.Raw();
        using var response = await http.GetAsync($"/v1/machines/main/processes/{pid}/stdout?follow", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        // It is still running: the line came without waiting for the end.
        Assert.Equal("first", await reader.ReadLineAsync());
        await table.WriteInputAsync(pid, 6, "second\n"u8.ToArray());
        await table.CloseInputAsync(pid);
        Assert.Equal("second\n", await reader.ReadToEndAsync());
    }

    [Fact]
    public async Task Stop_EndsWhatGoesOnAndWhatWaits_AtOnce()
    {
        await using var door = await HttpDouble.StartAsync();
        var (table, jobs) = (door.Machines.ProcessTable, door.Machines.JobTable);
        var pid = (await table.SpawnAsync(new ProcessSpec { Program = "cat", HasStandardInput = true })).Pid;
        await table.WriteInputAsync(pid, 0, "first\n"u8.ToArray());
        var job = jobs.AddEndless();
        using var http = door.Raw();
        using var follow = await http.GetAsync($"/v1/machines/main/processes/{pid}/stdout?follow", HttpCompletionOption.ResponseHeadersRead);
        using var watch = await http.GetAsync($"/v1/machines/main/jobs/{job}/watch", HttpCompletionOption.ResponseHeadersRead);
        var (followed, watched) = (follow.Content.ReadAsStringAsync(), watch.Content.ReadAsStringAsync());
        var waiting = http.GetAsync($"/v1/machines/main/processes/{pid}/stdout?wait&position=6");
        await jobs.Watched.WaitAsync(TimeSpan.FromSeconds(10));

        await door.StopAsync().WaitAsync(TimeSpan.FromSeconds(3));

        // Broken off, so that nobody takes it for the end.
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => followed);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => watched);
        // Answered at once; or it came when the door was closed already, and found no connection.
        var (waited, refused) = (default(HttpResponseMessage), default(Exception));
        try
        {
            waited = await waiting.WaitAsync(TimeSpan.FromSeconds(10));
        }
        catch (HttpRequestException failure)
        {
            refused = failure;
        }
        using (waited)
        {
            Assert.True(refused is not null || waited?.StatusCode is HttpStatusCode.ServiceUnavailable or HttpStatusCode.OK, $"{waited?.StatusCode}");
        }
    }

    [Fact]
    public async Task Follow_FromAPosition_LeavesOutWhatWasSeen()
    {
        await using var door = await HttpDouble.StartAsync();
        var pid = (await door.Machines.ProcessTable.SpawnAsync(new ProcessSpec { Program = "echo", Arguments = ["0123456789"] })).Pid;
        using var http = door.Raw();
        Assert.Equal("56789\n", await http.GetStringAsync($"/v1/machines/main/processes/{pid}/stdout?follow&position=5"));
        Assert.Equal("", await http.GetStringAsync($"/v1/machines/main/processes/{pid}/stderr?follow"));
        using var unknown = await http.GetAsync("/v1/machines/main/processes/999/stdout?follow");
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
    }

    [Fact]
    public async Task Follow_OverRestarts_SendsWhatEachStartWrote()
    {
        await using var door = await HttpDouble.StartAsync();
        var pid = (await door.Machines.ProcessTable.SpawnAsync(new ProcessSpec { Program = "echo", Arguments = ["hi"], Restart = RestartPolicy.Always })).Pid;
        using var http = door.Raw();
        Assert.Equal(string.Concat(Enumerable.Repeat("hi\n", 11)), await http.GetStringAsync($"/v1/machines/main/processes/{pid}/stdout?follow&incarnation=1"));
        Assert.Equal("hi\n", await http.GetStringAsync($"/v1/machines/main/processes/{pid}/stdout?follow"));
    }

    [Fact]
    public async Task Watch_WhenEachConnectionBreaksAfterItsFirstLine_EndsWithUnavailable()
    {
        await using var door = await BreakingDoorAsync(static connection => "Mapping");
        var seen = new List<JobStatus>();
        var failure = await Assert.ThrowsAsync<DosException>(() => WatchAsync(door, TimeSpan.FromSeconds(1), seen));
        Assert.Equal(DosErrorCode.Unavailable, failure.Code);
        Assert.Single(seen);
    }

    [Fact]
    public async Task Watch_WhenConnectionsBreakButTheJobGoesOn_ReachesItsEnd()
    {
        await using var door = await BreakingDoorAsync(static connection => connection switch { < 3 => "Mapping", < 6 => "Reducing", _ => "Succeeded" });
        var seen = new List<JobStatus>();
        await WatchAsync(door, TimeSpan.FromSeconds(30), seen);
        Assert.Equal([JobState.Mapping, JobState.Reducing, JobState.Succeeded], seen.Select(static status => status.State));
    }

    [Fact]
    public async Task OpenApi_ListsEveryRoute()
    {
        await using var door = await HttpDouble.StartAsync();
        using var http = door.Raw(token: null);
        using var document = JsonDocument.Parse(await http.GetStringAsync("/openapi/v1.json"));
        var paths = document.RootElement.GetProperty("paths");
        var routes = door.Endpoints.Where(static endpoint => endpoint.RoutePattern.RawText is { } text && text.Contains("v1/", StringComparison.Ordinal)
            && !text.EndsWith("{**rest}", StringComparison.Ordinal) && !text.Contains("openapi", StringComparison.Ordinal)).ToList();
        Assert.True(routes.Count > 25, $"only {routes.Count} routes were found");
        foreach (var endpoint in routes)
        {
            var path = "/" + endpoint.RoutePattern.RawText!.TrimStart('/').Replace("**", "", StringComparison.Ordinal);
            foreach (var method in endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()!.HttpMethods)
            {
                Assert.True(paths.TryGetProperty(path, out var item), $"{path} is missing");
                Assert.True(item.TryGetProperty(method.ToLowerInvariant(), out var operation), $"{method} {path} is missing");
                Assert.False(string.IsNullOrEmpty(operation.GetProperty("summary").GetString()), $"{method} {path} says nothing");
            }
        }
    }

    private static async Task WatchAsync(WebApplication door, TimeSpan patience, List<JobStatus> seen)
    {
        using var client = HttpMachine.Create(new HttpMachineOptions { Urls = [new Uri(door.Urls.First())], Token = DoubleVerifier.Token, Patience = patience });
        await foreach (var status in client.Jobs.WatchAsync(new JobId(1)))
        {
            seen.Add(status);
        }
    }

    /// <summary>Ends each answer after one line. (Aborting would sometimes take the line with it.)</summary>
    private static async Task<WebApplication> BreakingDoorAsync(Func<int, string> state)
    {
        var connections = 0;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.MapGet("/v1/machines/main/jobs/1/watch", async (HttpContext http) =>
        {
            var status = new JobStatus { Id = new JobId(1), Program = "wordcount", State = Enum.Parse<JobState>(state(Interlocked.Increment(ref connections) - 1)), Output = "/out", Owner = "admin" };
            await http.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(status, DosJson.Default.JobStatus));
            await http.Response.Body.WriteAsync("\n"u8.ToArray());
        });
        await app.StartAsync();
        return app;
    }
}
