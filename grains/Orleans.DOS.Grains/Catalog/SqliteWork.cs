using System.Runtime.ExceptionServices;

namespace Orleans.DOS.Catalog;

/// <summary>One transaction that waits for the writer thread.</summary>
internal abstract class SqliteWork
{
    /// <summary>True when its caller gave up while it still waited: nothing runs, and the caller has been told.</summary>
    public abstract bool TryCancel();

    /// <summary>Runs on the writer thread inside a savepoint and keeps the result; may run again in another transaction.</summary>
    public abstract void Run(SqliteSession session);

    /// <summary>Only after the commit: tells the caller.</summary>
    public abstract void Complete();

    public abstract void Fail(Exception failure);
}

internal sealed class SqliteWork<T>(Func<ICatalogSession, Task<T>> work, CancellationToken cancellationToken) : SqliteWork
{
    // Asynchronous continuations: a caller's code must never run on the writer thread.
    private readonly TaskCompletionSource<T> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? result;

    public Task<T> Task => completion.Task;

    public override bool TryCancel() => cancellationToken.IsCancellationRequested && completion.TrySetCanceled(cancellationToken);

    public override void Run(SqliteSession session)
    {
        var task = work(session);
        if (!task.IsCompleted)
        {
            throw new DosException(DosErrorCode.Internal,
                $"Catalog work {work.Method.DeclaringType?.Name}.{work.Method.Name} awaited something else than its session");
        }
        if (task.Exception is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure.InnerException ?? failure);
        }
        result = task.IsCanceled ? throw new TaskCanceledException(task) : task.Result;
    }

    public override void Complete() => completion.TrySetResult(result!);

    public override void Fail(Exception failure) => completion.TrySetException(SqliteErrors.Map(failure));
}
