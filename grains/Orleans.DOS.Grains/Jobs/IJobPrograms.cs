namespace Orleans.DOS.Jobs;

/// <summary>What a coordinator must know of programs before a worker loads them.</summary>
public interface IJobPrograms
{
    /// <returns>How the program's keys are given to reducers.</returns>
    /// <exception cref="DosException">UnknownProgram; InvalidArgument: the program refuses the parameters.</exception>
    JobPartitioning Check(string program, IReadOnlyDictionary<string, string> parameters);

    /// <returns>The map tasks of <see cref="JobSplit.ByProgram"/>, at least 1.</returns>
    /// <exception cref="DosException">NotSupported: the program does not split its work; and as <see cref="Check"/>.</exception>
    int CountTasks(string program, IReadOnlyDictionary<string, string> parameters);
}
