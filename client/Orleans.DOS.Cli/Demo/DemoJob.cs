using System.Diagnostics;
using Orleans.DOS.Cli.Cluster;
using Orleans.DOS.Jobs;
using Orleans.DOS.Machines;
using Orleans.DOS.Nodes;
using Spectre.Console.Rendering;

namespace Orleans.DOS.Cli.Demo;

/// <summary>Whose node is killed in the middle.</summary>
internal enum DemoVictim { None, Coordinator, Worker, Data }

/// <summary>The job of the demo, watched; in the middle of its map tasks one node is killed with SIGKILL.</summary>
internal sealed class DemoJob(IMachine machine, DemoVictim victim, DemoPicture picture)
{
    public const int Partitions = 3;
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(150);
    private readonly Stopwatch _sinceKill = new();
    private (int Done, int Retried, int Lost) _atKill;

    public NodeId? Killed { get; private set; }

    /// <summary>
    /// From the kill until the job moves again: a task more than before it is done, and as many tasks have been begun again as the
    /// node was running when it died. Seen by asking, so up to a period late; null when no node was killed.
    /// </summary>
    public TimeSpan? Recovery { get; private set; }

    public async Task<JobStatus> RunAsync(Action<IRenderable> draw, CancellationToken cancellation)
    {
        var job = await machine.Jobs.SubmitAsync(new JobSpec { Program = "wordcount", Inputs = ["/input"], Partitions = Partitions }, cancellation);
        IReadOnlyList<NodeStatus> nodes = [];
        while (!job.HasEnded)
        {
            await Task.Delay(Period, cancellation);
            try
            {
                job = await machine.Jobs.StatusAsync(job.Id, cancellation);
                nodes = await machine.Nodes.ListAsync(cancellation);
            }
            catch (DosException away) when (away.Code is DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown)
            {
                // What served us is the node that was killed; another one answers soon.
                continue;
            }
            draw(DemoPicture.Of(job, nodes, Killed));
            await KillInTheMiddleAsync(job, nodes, cancellation);
            NoteRecovery(job);
        }
        return job;
    }

    private async Task KillInTheMiddleAsync(JobStatus job, IReadOnlyList<NodeStatus> nodes, CancellationToken cancellation)
    {
        if (victim == DemoVictim.None || Killed is not null || job.HasEnded || job.TasksDone < Math.Max(1, (job.Tasks - Partitions) / 2))
        {
            return;
        }
        if (await ChooseAsync(job, nodes, cancellation) is not { HostProcess: > 0 } node)
        {
            return;
        }
        // What is running there is asked as late as possible: a task that ends in between would be waited for in vain.
        job = await machine.Jobs.StatusAsync(job.Id, cancellation);
        if (job.HasEnded)
        {
            return;
        }
        (_atKill, Killed) = ((job.TasksDone, job.TasksRetried, job.RunningByNode.GetValueOrDefault(node.Id.Value)), node.Id);
        _sinceKill.Start();
        HostProcess.Kill(node.HostProcess);
        picture.Tell($"killed {node.Id} ({victim.ToString().ToLowerInvariant()}) with SIGKILL after {job.TasksDone} of {job.Tasks} tasks");
    }

    private async Task<NodeStatus?> ChooseAsync(JobStatus job, IReadOnlyList<NodeStatus> nodes, CancellationToken cancellation)
    {
        var others = nodes.Where(node => node.Id != job.Coordinator && node.State == NodeState.Ready).ToList();
        return victim switch
        {
            DemoVictim.Coordinator => nodes.FirstOrDefault(node => node.Id == job.Coordinator),
            DemoVictim.Worker => others.FirstOrDefault(node => job.RunningByNode.GetValueOrDefault(node.Id.Value) > 0),
            // With all nodes busy there is none that only holds data: the least busy one comes nearest.
            _ => await HolderAsync(others.OrderBy(node => job.RunningByNode.GetValueOrDefault(node.Id.Value)), cancellation),
        };
    }

    /// <summary>A node that holds a copy of the first input file.</summary>
    private async Task<NodeStatus?> HolderAsync(IEnumerable<NodeStatus> nodes, CancellationToken cancellation)
    {
        var first = (await machine.Files.ListAsync("/input", limit: 1, cancellationToken: cancellation)).Items[0];
        await using var handle = await machine.Files.OpenAsync("/input/" + first.Name, cancellationToken: cancellation);
        var holders = (await handle.LocateAsync(cancellation)).SelectMany(location => location.Nodes).ToHashSet();
        return nodes.FirstOrDefault(node => holders.Contains(node.Id));
    }

    private void NoteRecovery(JobStatus job)
    {
        if (Killed is null || Recovery is not null)
        {
            return;
        }
        var movesAgain = job.TasksDone > _atKill.Done && job.TasksRetried >= _atKill.Retried + _atKill.Lost;
        if (movesAgain || job.HasEnded)
        {
            Recovery = _sinceKill.Elapsed;
            picture.Tell($"the job moves again {_sinceKill.Elapsed.TotalSeconds:0.0} s after the kill; coordinator on {job.Coordinator}, {job.TasksRetried} task(s) run again");
        }
    }
}
