using System.Globalization;
using Orleans.DOS.Files;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Jobs;

/// <summary>
/// Runs one attempt of one task inside a worker. Layers, from the outside: <see cref="RecordReader"/> cuts file ranges into records
/// (<see cref="ReadAhead"/> fetches them), the program's Map emits pairs into a <see cref="MapCollector"/>, which keeps sums and pairs
/// in bounded memory and spills sorted runs to local scratch; <see cref="PairMerge"/> merges sorted sources, for a mapper's runs and
/// for a reducer's inputs alike; <see cref="OutputWriter"/> writes the attempt's one file.
/// The computation owns a thread and blocks on its I/O, because spans of records cannot live across an await; a worker runs as
/// many tasks as its node has cores.
/// </summary>
/// <param name="scratchDirectory">Directory on the local disk for runs that do not fit in memory; made if it is missing.</param>
public sealed class TaskRunner(IJobProgramSource programs, string scratchDirectory, TaskMemory? memory = null)
{
    private readonly TaskMemory _memory = memory ?? TaskMemory.Default;

    /// <returns>The report; a failure of the task is in <see cref="TaskReport.Error"/>.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was cancelled; there is nothing to report.</exception>
    public Task<TaskReport> RunAsync(TaskStart task, IMachine machine, CancellationToken cancellationToken) =>
        Task.Factory.StartNew(() => Run(task, machine, cancellationToken), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>The same on the caller's thread, which it blocks.</summary>
    public TaskReport Run(TaskStart task, IMachine machine, CancellationToken cancellationToken)
    {
        try
        {
            var program = programs.Find(task.Program);
            program.Configure(task.Parameters);
            return task.Kind switch
            {
                TaskKind.Map => RunMap(task, program, machine.Files, cancellationToken),
                TaskKind.Reduce => RunReduce(task, program, machine.Files, cancellationToken),
                TaskKind.Sample => RunSample(task, program, machine.Files, cancellationToken),
                _ => throw new DosException(DosErrorCode.NotSupported, $"a task of kind {(short)task.Kind} is not known to this release"),
            };
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (InputException failure)
        {
            return Failed(task, failure.InnerException!) with { LostInput = task.Kind == TaskKind.Reduce ? failure.Path : null };
        }
        // A program's bug is an answer to the coordinator, who decides whether to try again; it must not end the worker.
        catch (Exception failure)
        {
            return Failed(task, failure);
        }
    }

    private TaskReport RunMap(TaskStart task, IJobProgram program, IFiles files, CancellationToken cancellationToken)
    {
        using var output = OutputWriter.Create(files, task, cancellationToken);
        if (program.Partitioning == JobPartitioning.None)
        {
            var (bytes, records) = Read(task, files, program, new WritingEmitter(program, output), cancellationToken);
            output.Complete(flush: true);
            return Report(task, output) with { BytesRead = bytes, Records = records, Partitions = [(0, output.Position)] };
        }
        using var collector = new MapCollector(program, task, _memory, scratchDirectory);
        var read = Read(task, files, program, collector, cancellationToken);
        var partitions = collector.Finish(output, cancellationToken);
        // Not flushed: if the only copy dies with its node, the task runs again anyway.
        output.CompleteUnlessEmpty();
        return Report(task, output) with
        {
            BytesRead = read.Bytes,
            Records = read.Records,
            Partitions = output.Position == 0 ? [] : partitions,
            OutputLocations = output.Locate(),
        };
    }

    private TaskReport RunReduce(TaskStart task, IJobProgram program, IFiles files, CancellationToken cancellationToken)
    {
        using var output = OutputWriter.Create(files, task, cancellationToken);
        using var inputs = new ReduceInputs(task, files, program, _memory, scratchDirectory, cancellationToken);
        PairMerge.Run(inputs.Sources, program, PairFold.Reduce, _memory, new WritingEmitter(program, output), cancellationToken);
        output.Complete(flush: true);
        return Report(task, output) with { BytesRead = task.Inputs.Sum(input => input.Length), Records = inputs.Pairs };
    }

    private static TaskReport RunSample(TaskStart task, IJobProgram program, IFiles files, CancellationToken cancellationToken)
    {
        var sampler = new Sampler(task.Inputs.Count);
        var (bytes, records) = Read(task, files, program, sampler, cancellationToken, sampler.NextInput);
        return Report(task) with { BytesRead = bytes, Records = records, Samples = sampler.Samples };
    }

    private static (long Bytes, long Records) Read(
        TaskStart task, IFiles files, IJobProgram program, IEmitter emitter, CancellationToken cancellationToken, Action? beforeInput = null)
    {
        if (task.IsNumbered)
        {
            Span<byte> number = stackalloc byte[16];
            task.Task.TryFormat(number, out var digits, provider: CultureInfo.InvariantCulture);
            program.Map(number[..digits], emitter);
            return (0, 1);
        }
        long records = 0;
        foreach (var input in task.Inputs)
        {
            cancellationToken.ThrowIfCancellationRequested();
            beforeInput?.Invoke();
            using var source = InputException.Of(input.Path, () => ReadAhead.Open(files, input, RecordReader.FirstByteRead(input), cancellationToken));
            records += RecordReader.Run(source, input, program, emitter);
        }
        return (task.Inputs.Sum(input => input.Length), records);
    }

    private static TaskReport Report(TaskStart task) => new() { Job = task.Job, Task = task.Task, Attempt = task.Attempt };

    private static TaskReport Report(TaskStart task, OutputWriter output) => Report(task) with { Output = output.HasFile ? task.Output : "" };

    private static TaskReport Failed(TaskStart task, Exception failure) =>
        Report(task) with { Error = Sentence(failure), ErrorCode = (failure as DosException)?.Code };

    private static string Sentence(Exception failure) => failure is DosException dos ? $"{dos.Code}: {dos.Message}" : $"{failure.GetType().Name}: {failure.Message}";
}
