using System.Diagnostics;
using System.Globalization;
using Orleans.DOS.Jobs;
using Orleans.DOS.Nodes;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Orleans.DOS.Cli.Demo;

/// <summary>What the demo shows while it runs: a live picture on a terminal, lines elsewhere, nothing with --json.</summary>
internal sealed class DemoPicture(bool quiet)
{
    private const int BarCells = 40;
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly bool _live = !quiet && !Console.IsOutputRedirected;

    public void Tell(string line)
    {
        if (!quiet)
        {
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{_watch.Elapsed.TotalSeconds,6:0.0} s  {line}"));
        }
    }

    /// <summary>Runs the work; what it hands to its argument is drawn.</summary>
    public Task<T> DrawAsync<T>(Func<Action<IRenderable>, Task<T>> work) => _live
        ? AnsiConsole.Live(new Text("")).AutoClear(true).StartAsync(async context => await work(picture =>
        {
            context.UpdateTarget(picture);
            context.Refresh();
        }))
        : work(_ => { });

    public static IRenderable Bar(string title, long done, long total, string unit)
    {
        var share = total > 0 ? (double)done / total : 0;
        var cells = (int)(share * BarCells);
        return new Text(string.Create(CultureInfo.InvariantCulture, $"{title,-10} {new string('█', cells)}{new string('░', BarCells - cells)} {share,4:0%}  {unit}"));
    }

    public static IRenderable Of(JobStatus job, IReadOnlyList<NodeStatus> nodes, NodeId? killed)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns("node", "state", "tasks", "cpu", "memory");
        foreach (var node in nodes)
        {
            var role = node.Id == job.Coordinator ? " (coordinator)" : "";
            var fate = node.Id == killed ? " (killed)" : "";
            table.AddRow(
                new Text(node.Id + role + fate),
                new Text(node.State.ToString()),
                new Text(job.RunningByNode.GetValueOrDefault(node.Id.Value).ToString(CultureInfo.InvariantCulture)),
                new Text(string.Create(CultureInfo.InvariantCulture, $"{node.CpuUsedMillicores / 1000.0:0.0}")),
                new Text(Human.Bytes(node.MemoryUsedBytes)));
        }
        var again = string.Create(CultureInfo.InvariantCulture, $"{job.TasksDone}/{job.Tasks} tasks, {job.TasksRetried} run again, {job.State}");
        return new Rows(table, Bar("wordcount", job.BytesDone, job.BytesTotal, Human.Bytes(job.BytesDone)), new Text(again));
    }
}
